import { Context } from '@temporalio/activity';
import { PromptOsError } from '../contracts/errors.js';
import { canonicalSha256, sameJson } from '../contracts/json.js';
import type { ExecutorRole } from '../contracts/names.js';
import { oncePerObject } from '../contracts/remember.js';
import type { GovernanceActivities, ResumeRunInput } from '../contracts/run/activities.js';
import { carriedState } from '../domain/run/run-state.js';
import type { GovernancePorts, VerifyTree } from '../ports/index.js';
import { earlierWait } from './attempt/executor-failure.js';
import { earlierTries } from './attempt/finished-tries.js';
import { createPinnedDocuments } from './documents/pinned-documents.js';
import { findDueGate } from './due-gate.js';
import { executeGate, executeOnce } from './execute-gate.js';
import { createFinalise } from './finalise.js';
import { logsOf } from './gates/set-up.js';
import { handOffGate } from './hand-off.js';
import { openRun } from './open-run.js';
import { createSpending, earlierSpent } from './progress/spending.js';
import { type AskingExecution, syncJournal } from './proof/sync-journal.js';
import { createPrefixVerifier, notDue, type PrefixVerifier } from './proof/verify-prefix.js';
import { type Retries, toFailure, workerOf } from './to-failure.js';

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

/** Now, by the clock of the workflow that asked: that of the server, which need not be this machine's. */
const answeredAt = ({ info }: Context, askedAt: string): string =>
  new Date(Date.parse(askedAt) + Math.max(0, Date.now() - info.scheduledTimestampMs)).toISOString();

/** What is read and verified once for all Workers of a process that have one store: the engine's and its roles'. */
const memoryOf = oncePerObject((store: GovernancePorts['store']) => {
  const documents = createPinnedDocuments(store);
  return { documents, verifier: createPrefixVerifier(store, documents) };
});

/** The governance activities over the given ports. */
export function createActivities(
  ports: GovernancePorts,
  { taskQueues, verifyTree }: CreateActivitiesOptions,
): GovernanceActivities {
  const { documents, verifier } = memoryOf(ports.store);
  const finalise = createFinalise(ports, verifier, { pinned: documents, verifyTree });
  return {
    promptos_openRun: (input, firstExecutionRunId, askedAt) =>
      runActivity(async (context) => ({
        ...(await openRun(
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
        )),
        answered_at: answeredAt(context, askedAt),
      })),
    promptos_syncJournal: (input, askedAt) =>
      runActivity(
        async (context) => ({
          ...(await syncJournal(ports, verifier, input, askedBy(context))),
          saved_at: input.ledger.entries.map(({ at }) => at),
          answered_at: answeredAt(context, askedAt),
        }),
        ENGINE_STEP,
      ),
    promptos_resumeRun: (input) => runActivity((context) => resumeRun(verifier, input, askedBy(context)), ENGINE_STEP),
    promptos_executeGate: (input) => {
      const { info } = Context.current();
      const providerWait = earlierWait(info, Date.now());
      const spending = createSpending(earlierSpent(info));
      const finishedTries = earlierTries(info);
      return runActivity(
        async (context, progress) => {
          const due = await findDueGate(ports, verifier, input, askedBy(context).workflowId);
          const signal = context.cancellationSignal;
          const execute = async () =>
            (await handOffGate(ports, documents, due)) ??
            (await executeGate(ports, documents, due, { signal, progress, providerWait, spending, finishedTries }));
          return executeOnce(ports.store, documents, due, execute, signal);
        },
        {
          ...GATE,
          uncounted: providerWait?.times ?? 0,
          details: (error) => ({ spent: spending.total(), ...logsOf(error) }),
        },
      );
    },
    promptos_finalise: (input) => runActivity((context) => finalise(input, askedBy(context).workflowId), ENGINE_STEP),
  };
}

/** Milliseconds between two heartbeats: their absence is how a killed worker is noticed. */
const HEARTBEAT_INTERVAL_MS = 2_000;

/** What a worker refuses to do: logged with the workflow that asked, and counted. */
const REFUSED_STEPS: readonly string[] = [
  'STEP_NOT_DUE',
  'FORK',
  'LEDGER_BROKEN',
  'RUN_ID_TAKEN',
  'RULES_VERSION_UNKNOWN',
];

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

/** Steps of an activity that follow each other this quickly, in milliseconds, share a heartbeat. */
const BETWEEN_HEARTBEATS_MS = 200;
/** So do all steps of its first milliseconds: one that ends before costs the server no heartbeat. */
const FIRST_HEARTBEAT_MS = 1_000;

/**
 * Works with a heartbeat, and says to Temporal what an error means.
 * @param work given a function that sets what each heartbeat carries from then on; one is sent at once, or soon after the last
 * or the start
 */
export async function runActivity<T>(
  work: (context: Context, progress: (details: () => object) => void) => Promise<T>,
  retries?: Retries,
): Promise<T> {
  const context = Context.current();
  // What the activity's calls before said is not lost where this one ends before it says anything itself.
  let details = (): unknown => context.info.heartbeatDetails ?? {};
  let earliestBeat = performance.now() + FIRST_HEARTBEAT_MS;
  let nextBeat: NodeJS.Timeout | undefined;
  const beat = () => {
    clearTimeout(nextBeat);
    nextBeat = undefined;
    earliestBeat = performance.now() + BETWEEN_HEARTBEATS_MS;
    // A local activity has no heartbeat: its worker holds the workflow task, and that is what times out.
    if (!context.info.isLocal) context.heartbeat(details());
  };
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    return await work(context, (next) => {
      details = next;
      const wait = earliestBeat - performance.now();
      if (wait <= 0) beat();
      else nextBeat ??= setTimeout(beat, wait);
    });
  } catch (error) {
    // The next try of a gate reads in the last heartbeat what this one had come to.
    if (nextBeat !== undefined) beat();
    reportRefusal(context, error);
    // Whatever a port throws when it is interrupted, Temporal must hear that the activity was cancelled.
    const { cancellationSignal, info } = context;
    throw cancellationSignal.aborted
      ? cancellationSignal.reason
      : toFailure(error, info.attempt, retries, workerOf(context));
  } finally {
    clearInterval(timer);
    clearTimeout(nextBeat);
  }
}

/**
 * Whether a run that continued as new goes on from its own past: the ledger is verified, it was begun by this chain of
 * executions, and the state that came along is the one that it leads to.
 * @throws PromptOsError STEP_NOT_DUE, LEDGER_BROKEN, and what the store fails with
 */
export async function resumeRun(
  verifier: PrefixVerifier,
  { run, first_execution_run_id, ledger, state_sha256 }: ResumeRunInput,
  { workflowId, isLocal }: AskingExecution,
): Promise<void> {
  if (!isLocal) throw notDue('a run resumes by a local activity of its own workflow');
  const { opening, replay } = await verifier.verify(run.run_id, workflowId, ledger);
  if (opening.workflow.first_execution_run_id !== first_execution_run_id) {
    throw notDue('it was begun by another chain of executions');
  }
  if (!sameJson(opening.run, run)) throw notDue('it was started with another input');
  if (canonicalSha256(carriedState(replay.state)) !== state_sha256)
    throw notDue('its state is not the one that its ledger leads to');
}
