import type { Context } from '@temporalio/activity';
import type { ExecuteGateResult, GovernanceActivities, SentGateResult } from '../contracts/activities.js';
import type { ExecutorRole } from '../contracts/names.js';
import type { GovernancePorts, VerifyTree } from '../ports/index.js';
import { findDueGate } from './due-gate.js';
import { executeGate } from './execute-gate.js';
import { createFinalise } from './finalise.js';
import { openRun } from './open-run.js';
import { createPinnedDocuments } from './pinned-documents.js';
import { resumeRun } from './resume-run.js';
import { runActivity } from './run-activity.js';
import { syncJournal } from './sync-journal.js';
import { createPrefixVerifier } from './verify-prefix.js';

export interface CreateActivitiesOptions {
  /** The queue on which each role is reached, from the queue that the engine polls. */
  readonly taskQueues: (engineQueue: string) => Readonly<Record<ExecutorRole, string>>;
  /** Judges a run's tree before the engine signs and publishes it. */
  readonly verifyTree?: VerifyTree;
}

/** Tries of a gate that fails by no judgement: some seven minutes, and then a P08. Finalisation never gives up. */
const GATE_ATTEMPTS = 12;

/** Who asks, as the server says; what else a caller says is not taken on trust. */
const askedBy = ({ info }: Context) => ({ workflowId: info.workflowExecution?.workflowId, isLocal: info.isLocal });

/** Of a signed result the envelope alone travels: all that counts is in it. */
const sent = ({ attestation, ...outcome }: ExecuteGateResult): SentGateResult =>
  attestation === null ? { ...outcome, attestation } : { attestation };

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
    promptos_syncJournal: (input) => runActivity((context) => syncJournal(ports, verifier, input, askedBy(context))),
    promptos_resumeRun: (input) => runActivity((context) => resumeRun(verifier, input, askedBy(context))),
    promptos_executeGate: (input) =>
      runActivity(async (context, progress) => {
        const due = await findDueGate(ports, verifier, input, askedBy(context).workflowId);
        return sent(await executeGate(ports, documents, due, { signal: context.cancellationSignal, progress }));
      }, GATE_ATTEMPTS),
    promptos_finalise: (input) => runActivity((context) => finalise(input, askedBy(context).workflowId)),
  };
}
