import type { Context } from '@temporalio/activity';
import type { GovernanceActivities } from '../contracts/activities.js';
import type { ExecutorRole } from '../contracts/names.js';
import type { GovernancePorts, VerifyTree } from '../ports/index.js';
import { findDueGate } from './due-gate.js';
import { executeGate } from './execute-gate.js';
import { executeOnce } from './execute-once.js';
import { createFinalise } from './finalise.js';
import { openRun } from './open-run.js';
import { createPinnedDocuments } from './pinned-documents.js';
import { resumeRun } from './resume-run.js';
import { runActivity } from './run-activity.js';
import { syncJournal } from './sync-journal.js';
import type { Retries } from './to-failure.js';
import { createPrefixVerifier } from './verify-prefix.js';

export interface CreateActivitiesOptions {
  /** The queue on which each role is reached, from the queue that the engine polls. */
  readonly taskQueues: (engineQueue: string) => Readonly<Record<ExecutorRole, string>>;
  /** Judges a run's tree before the engine signs and publishes it. */
  readonly verifyTree?: VerifyTree;
}

/** A gate that fails by no judgement: some seven minutes of tries, and then a P08. */
const GATE: Retries = { giveUpAfter: 12 };
/**
 * The engine's own steps never give up: a store that is not mounted, a key that a new worker was not given, or a policy that
 * it does not trust, must not end a run of weeks. Each try of a local activity is in the run's history, so they get far apart.
 */
const ENGINE_STEP: Retries = {
  mayHeal: ['ENGINE_KEY_MISSING', 'OBJECT_NOT_FOUND', 'POLICY_NOT_TRUSTED'],
  longestDelayMs: 600_000,
};

/** Who asks, as the server says; what else a caller says is not taken on trust. */
const askedBy = ({ info }: Context) => ({ workflowId: info.workflowExecution?.workflowId, isLocal: info.isLocal });

/** The governance activities over the given ports. */
export function createActivities(
  ports: GovernancePorts,
  { taskQueues, verifyTree }: CreateActivitiesOptions,
): GovernanceActivities {
  const documents = createPinnedDocuments(ports.store);
  const verifier = createPrefixVerifier(ports.store, documents);
  const finalise = createFinalise(ports, verifier, { pinned: documents, verifyTree });
  return {
    promptos_openRun: (input, firstExecutionRunId) =>
      runActivity((context) =>
        openRun(
          ports,
          documents,
          {
            taskQueues: taskQueues(context.info.taskQueue),
            firstExecutionRunId,
            namespace: context.info.workflowNamespace ?? 'default',
            taskQueue: context.info.taskQueue,
            ...askedBy(context),
          },
          input,
        ),
      ),
    promptos_syncJournal: (input) =>
      runActivity((context) => syncJournal(ports, verifier, input, askedBy(context)), ENGINE_STEP),
    promptos_resumeRun: (input) => runActivity((context) => resumeRun(verifier, input, askedBy(context)), ENGINE_STEP),
    promptos_executeGate: (input) =>
      runActivity(async (context, progress) => {
        const due = await findDueGate(ports, verifier, input, askedBy(context).workflowId);
        const signal = context.cancellationSignal;
        const execute = () => executeGate(ports, documents, due, { signal, progress });
        return executeOnce(ports.store, documents, due, execute, signal);
      }, GATE),
    promptos_finalise: (input) => runActivity((context) => finalise(input, askedBy(context).workflowId), ENGINE_STEP),
  };
}
