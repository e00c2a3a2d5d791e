import { Context } from '@temporalio/activity';
import type { GovernanceActivities } from '../contracts/activities.js';
import type { ExecutorRole } from '../contracts/names.js';
import type { GovernancePorts, VerifyTree } from '../ports/index.js';
import { executeGate } from './execute-gate.js';
import { createFinalise } from './finalise.js';
import { openRun } from './open-run.js';
import { createPinnedDocuments } from './pinned-documents.js';
import { queryOwnLedger } from './query-ledger.js';
import { createSaveLedger } from './save-ledger.js';
import { toFailure } from './to-failure.js';

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
    // Whatever a port throws when it is interrupted, Temporal must hear that the activity was cancelled.
    const { cancellationSignal, info } = context;
    throw cancellationSignal.aborted ? cancellationSignal.reason : toFailure(error, info.attempt, giveUpAfter);
  } finally {
    clearInterval(timer);
  }
}

/** The governance activities over the given ports. */
export function createActivities(
  ports: GovernancePorts,
  { taskQueues, verifyTree }: CreateActivitiesOptions,
): GovernanceActivities {
  const documents = createPinnedDocuments(ports.store);
  return {
    promptos_openRun: (input) => activity(({ info }) => openRun(ports, documents, taskQueues(info.taskQueue), input)),
    promptos_executeGate: (input) =>
      activity(
        ({ cancellationSignal }, progress) =>
          executeGate(ports, documents, input, { signal: cancellationSignal, progress }),
        GATE_ATTEMPTS,
      ),
    promptos_saveLedger: (input) =>
      activity((context) => createSaveLedger(ports, () => queryOwnLedger(context))(input)),
    promptos_finalise: (input) =>
      activity((context) =>
        createFinalise(ports, () => queryOwnLedger(context), { pinned: documents, verifyTree })(input),
      ),
  };
}
