import { Context } from '@temporalio/activity';
import type { ExecuteGateResult, GovernanceActivities, SentGateResult } from '../contracts/activities.js';
import { PromptOsError } from '../contracts/errors.js';
import type { ExecutorRole } from '../contracts/names.js';
import type { GovernancePorts, VerifyTree } from '../ports/index.js';
import { findDueGate } from './due-gate.js';
import { executeGate } from './execute-gate.js';
import { createFinalise } from './finalise.js';
import { openRun } from './open-run.js';
import { createPinnedDocuments } from './pinned-documents.js';
import { resumeRun } from './resume-run.js';
import { syncJournal } from './sync-journal.js';
import { toFailure } from './to-failure.js';
import { createPrefixVerifier } from './verify-prefix.js';

export interface CreateActivitiesOptions {
  /** The queue on which each role is reached, from the queue that the engine polls. */
  readonly taskQueues: (engineQueue: string) => Readonly<Record<ExecutorRole, string>>;
  /** Judges a run's tree before the engine signs and publishes it. */
  readonly verifyTree?: VerifyTree;
}

/** Milliseconds between two heartbeats: their absence is how a killed worker is noticed. */
const HEARTBEAT_INTERVAL_MS = 2_000;

/** Tries of a gate that fails by no judgement: some seven minutes, and then a P08. Finalisation never gives up. */
const GATE_ATTEMPTS = 12;

/** What a worker refuses to do for whoever asked: logged with the workflow that asked, and counted. */
const REFUSED_STEPS: readonly string[] = ['STEP_NOT_DUE', 'FORK', 'LEDGER_BROKEN', 'RUN_ID_TAKEN'];

function reportRefusal({ info, log, metricMeter }: Context, error: unknown): void {
  if (!(error instanceof PromptOsError) || !REFUSED_STEPS.includes(error.code)) return;
  const { workflowExecution, activityType, taskQueue } = info;
  log.warn('refused a step', {
    code: error.code,
    activity: activityType,
    taskQueue,
    asked_by_workflow: workflowExecution?.workflowId,
    asked_by_run: workflowExecution?.runId,
    reason: error.summary,
  });
  metricMeter
    .createCounter('promptos_refused_steps', undefined, 'steps that a worker refused to carry out')
    .add(1, { code: error.code, activity: activityType });
}

/** Works with a heartbeat, and says to Temporal what an error means. */
async function activity<T>(
  work: (context: Context, progress: (details: object) => void) => Promise<T>,
  giveUpAfter?: number,
): Promise<T> {
  const context = Context.current();
  let details: object = {};
  const beat = () => {
    // A local activity has no heartbeat: its worker holds the workflow task, and that is what times out.
    if (!context.info.isLocal) context.heartbeat(details);
  };
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    return await work(context, (next) => {
      details = next;
      beat();
    });
  } catch (error) {
    reportRefusal(context, error);
    // Whatever a port throws when it is interrupted, Temporal must hear that the activity was cancelled.
    const { cancellationSignal, info } = context;
    throw cancellationSignal.aborted ? cancellationSignal.reason : toFailure(error, info.attempt, giveUpAfter);
  } finally {
    clearInterval(timer);
  }
}

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
      activity((context) =>
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
    promptos_syncJournal: (input) => activity((context) => syncJournal(ports, verifier, input, askedBy(context))),
    promptos_resumeRun: (input) => activity((context) => resumeRun(verifier, input, askedBy(context))),
    promptos_executeGate: (input) =>
      activity(async (context, progress) => {
        const due = await findDueGate(ports, verifier, input, askedBy(context).workflowId);
        return sent(await executeGate(ports, documents, due, { signal: context.cancellationSignal, progress }));
      }, GATE_ATTEMPTS),
    promptos_finalise: (input) => activity((context) => finalise(input, askedBy(context).workflowId)),
  };
}
