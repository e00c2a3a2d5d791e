import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  patched,
  proxyActivities,
  proxyLocalActivities,
  rootCause,
  type TemporalFailure,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import { canonicalSha256, isRecord } from '../contracts/json.js';
import { GATES, runWorkflowId } from '../contracts/names.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import type { FinaliseResult, GovernanceActivities } from '../contracts/run/activities.js';
import type { Spent } from '../contracts/run/budget.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import type { GovernedRunResult } from '../contracts/run/run-status.js';
import { readInterruptionLogs } from '../domain/judge/read-interruption-logs.js';
import { readSpent } from '../domain/judge/read-spent.js';
import { isSealed } from '../domain/ledger/closed-ledger.js';
import { gateLimitMs } from '../domain/run/deadlines.js';
import { nextStep } from '../domain/run/next-step.js';
import { carriedState, handedOffGate } from '../domain/run/run-state.js';
import { createElsewhere, type Elsewhere } from './elsewhere.js';
import { registerHandlers } from './handlers.js';
import { type DueStep, syncJournal, syncWhile } from './journal.js';
import { type CarriedRun, createAlarm, createRunDriver, NEW_RUN, type RunDriver } from './run-driver.js';
import { awaitPeople, isFull } from './waits.js';

/** A killed worker's activity is noticed after this long without a heartbeat. */
const HEARTBEAT_TIMEOUT = '10 seconds';
/**
 * What a worker that ended leaves is soon done again, however many ended before it. A failure that an activity itself
 * throws says how long to wait, and longer each time.
 */
const RETRY = { initialInterval: '1 second', maximumInterval: '2 seconds' } as const;
/**
 * Room in one execution while a gate runs: the server ends a run at 51,200 events or 50 MB, and
 * takes 10,000 signals and 2,000 updates (some 4,100 events when they come in batches). The way out
 * is tried again for every message that comes between, so it must begin while there is room for many of the largest.
 * (Signals of 2 MB that come quicker than a task is done let the server complete no task at all: no workflow survives that.)
 */
const MAX_EVENTS_WHILE_RUNNING = 3_500;
const MAX_BYTES_WHILE_RUNNING = 8 * 1024 * 1024;

const VERIFY_START = {
  startToCloseTimeout: '30 seconds',
  // Longer pauses between tries are timers, so that queries and a cancellation are heard meanwhile.
  localRetryThreshold: '1 second',
  summary: 'verify what the run starts from',
} as const;

/** The client that starts a run waits for its opening; a timeout loses nothing. */
const { promptos_openRun } = proxyLocalActivities<GovernanceActivities>({
  ...VERIFY_START,
  scheduleToCloseTimeout: '1 hour',
});
/** A run that goes on is never given up. */
const { promptos_resumeRun } = proxyLocalActivities<GovernanceActivities>(VERIFY_START);

const { promptos_finalise } = proxyActivities<GovernanceActivities>({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: RETRY,
});

/**
 * One governed run, from the opening to the published record. Drives the pure domain: `nextStep` says what to do,
 * `decide` and `evolve` say what that means. Runs for weeks, and continues as new when its history grows long.
 */
export async function governedRun(input: GovernedRunInput, carried?: CarriedRun): Promise<GovernedRunResult> {
  refuseForeignInput(input, carried);
  const run = createRunDriver(input, carried ?? NEW_RUN);
  registerHandlers(run);

  let cancellation: unknown = null;
  try {
    // Cancelled while its past cannot be read, a run still has a record to publish once it can.
    if (carried !== undefined) await resume(run, input);
    await drive(run, input);
  } catch (error) {
    // Before its opening there is nothing to publish.
    if (!isCancellation(error) || run.state().phase === 'new') throw error;
    cancellation = error;
    run.apply({ type: 'cancel' });
  }
  const { run_record_sha256 } = await CancellationScope.nonCancellable(() => finalise(run, input));
  run.published(run_record_sha256);
  await CancellationScope.nonCancellable(() => allJudged(run));
  const outcome = run.state().outcome ?? 'failed';
  if (cancellation !== null && outcome === 'cancelled') throw cancellation;
  return { run_id: input.run_id, outcome, run_record_sha256 };
}

async function drive(run: RunDriver, input: GovernedRunInput): Promise<void> {
  const alarm = createAlarm();
  const elsewhere = createElsewhere(run, input, alarm);
  for (let step = nextStep(run.state()); step.kind !== 'finalise'; step = nextStep(run.state())) {
    switch (step.kind) {
      case 'open':
        await open(run, input);
        break;
      case 'executeGate':
        if (!(await syncJournal(run, input, 'gate', step))) break;
        run.apply({ type: 'startGate', gate: step.gate, attempt: step.attempt }, 'as answered');
        // The run may have been stopped meanwhile: then nothing was started.
        if (nextStep(run.state()).kind === 'awaitGate') await executeGate(run, input, step, elsewhere);
        break;
      case 'awaitGate':
        // The execution before handed over while this gate ran, or it is done elsewhere: the same attempt is asked for again.
        if (handedOffGate(run.state()) !== undefined && !(await elsewhere.wait(step))) break;
        if (await syncJournal(run, input, 'gate', step)) await executeGate(run, input, step, elsewhere);
        break;
      case 'awaitDecision':
      case 'awaitResolution':
        await awaitPeople(run, input, step, alarm);
        break;
      case 'close':
        if (await syncJournal(run, input, 'close')) run.apply({ type: 'close' }, 'as answered');
        break;
    }
    if (isFull(run) && run.state().phase === 'open') await handOver(run, input);
  }
}

/** The engine's first step: is the law that the starter brought trusted here, and what does it say? */
async function open(run: RunDriver, input: GovernedRunInput): Promise<void> {
  const result = await promptos_openRun(input, workflowInfo().firstExecutionRunId, new Date().toISOString());
  run.answered(result.answered_at);
  switch (result.kind) {
    case 'opened':
      run.apply({ type: 'open', run: input, workflow: result.workflow, plan: result.plan }, 'as answered');
      break;
    case 'failed':
      run.apply(
        {
          type: 'failToOpen',
          run: input,
          workflow: result.workflow,
          code: result.code,
          message: result.message,
        },
        'as answered',
      );
      break;
    case 'refused':
      // No run began: there is no ledger to close and no tree to publish.
      throw ApplicationFailure.nonRetryable(result.message, result.code);
  }
}

/** An execution that goes on takes nothing on trust: its past is verified from the store before anything is done. */
async function resume(run: RunDriver, input: GovernedRunInput): Promise<void> {
  const past = {
    run: input,
    first_execution_run_id: workflowInfo().firstExecutionRunId,
    ledger: run.ledger(),
    state_sha256: canonicalSha256(carriedState(run.state())),
  };
  await run.inbox.whileAsking(() => promptos_resumeRun(past));
}

async function executeGate(
  run: RunDriver,
  input: GovernedRunInput,
  { gate, attempt }: DueStep,
  elsewhere: Elsewhere,
): Promise<void> {
  const looking = elsewhere.look({ gate, attempt });
  const plan = run.state().plan;
  if (plan === null) return;
  const { promptos_executeGate } = proxyActivities<GovernanceActivities>({
    taskQueue: plan.task_queues[GATES[gate].role],
    startToCloseTimeout: gateLimitMs(plan, gate),
    // No worker of the role for as long as a person may be waited for: then a person must know.
    scheduleToStartTimeout: plan.deadlines.escalate,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: RETRY,
    // The run goes on at once; its executor learns of it by the next heartbeat, and its output no longer counts.
    cancellationType: 'TRY_CANCEL',
  });
  const scope = new CancellationScope({ cancellable: true });
  let settled = false;
  const work = scope.run(() =>
    promptos_executeGate.executeWithOptions({ summary: `${gate} ${GATES[gate].title}, attempt ${attempt}` }, [
      { run_id: input.run_id, gate, attempt, ledger: run.ledger() },
    ]),
  );
  // An abort ends the run at once, and so ends the gate that runs; a flooded history must be left while there is room.
  const stop = condition(() => settled || run.state().phase === 'closed' || isFlooded()).then(
    () => (settled ? undefined : scope.cancel()),
    () => undefined, // the whole run is being cancelled, and the gate's activity says so itself
  );
  const saving = syncWhile(run, input, () => !settled);
  // Awaited below, once the gate has ended; until then its rejection must not count as unhandled.
  saving.catch(() => undefined);
  try {
    const result = await work;
    if (!looking.isHandedOff(result)) run.apply({ type: 'finishGate', gate, attempt, result });
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) {
      const ours = run.state().phase === 'closed' || isFlooded();
      if (!ours || CancellationScope.current().consideredCancelled) throw error;
    } else {
      run.apply({ type: 'interruptGate', gate, attempt, ...describeFailure(error) });
    }
  } finally {
    settled = true;
  }
  await Promise.all([stop, saving]);
  if (isFlooded() && run.state().phase === 'open') await handOver(run, input);
}

const isFlooded = (): boolean =>
  workflowInfo().historyLength > MAX_EVENTS_WHILE_RUNNING || workflowInfo().historySize > MAX_BYTES_WHILE_RUNNING;

/** Times that a result of finalisation which the engine did not sign is not taken. */
const SEAL_TRIES = 5;

async function finalise(run: RunDriver, input: GovernedRunInput): Promise<FinaliseResult> {
  const outcome = run.state().outcome ?? 'failed';
  try {
    await syncJournal(run, input, 'end');
    for (let tries = 1; tries <= SEAL_TRIES; tries += 1) {
      const result = await promptos_finalise.executeWithOptions({ summary: `publish the record: ${outcome}` }, [
        { run_id: input.run_id, ledger: run.ledger() },
      ]);
      if (isSealed(run.state(), result)) return result;
      log.warn('finalisation was answered without a signature of the engine', { tries });
    }
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const { code, message } = describeFailure(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
  throw ApplicationFailure.nonRetryable('The published record is not signed by the engine.', 'SIGNATURE_INVALID');
}

const allJudged = (run: RunDriver): Promise<void> => condition(() => run.inbox.isEmpty() && allHandlersFinished());

/** Goes on in a fresh history, the whole ledger in the store. */
async function handOver(run: RunDriver, input: GovernedRunInput): Promise<never> {
  // Messages that come while the others are saved are judged and saved too.
  await allJudged(run);
  while (run.ledger().entries.length > 0) {
    await syncJournal(run, input, 'save');
    await allJudged(run);
  }
  log.info('continuing as new', { entries: run.head().entries });
  return continueAsNew<typeof governedRun>(input, run.carry());
}

/**
 * A run's Temporal id is made from its run id; anything else was not started by a client of ours. Nor is a state taken
 * that the execution before did not hand over: the starter of a run must not bring a past that it never had.
 */
function refuseForeignInput(input: GovernedRunInput, carried: CarriedRun | undefined): void {
  const { workflowId, continuedFromExecutionRunId, cronSchedule } = workflowInfo();
  const forged = carried !== undefined && (continuedFromExecutionRunId === undefined || cronSchedule !== undefined);
  if (workflowId !== runWorkflowId(String(input?.run_id)) || !Array.isArray(input?.gates) || forged) {
    throw ApplicationFailure.nonRetryable(
      `Expected one JSON object whose run_id fits the workflow id promptos/run/<run_id>; received run_id "${String(input?.run_id).slice(0, 80)}".`,
      'RUN_ID_INVALID',
    );
  }
}

/** Marks the histories in which the ledger names what a failed set-up command printed. */
const NAMED_LOGS = 'name-logs-of-failed-set-ups';

interface DescribedFailure {
  readonly code: string;
  readonly message: string;
  readonly spent?: Spent;
  readonly logs?: readonly ArtifactRef[];
}

/** A local activity's failure comes as it is, any other wrapped in an `ActivityFailure`. */
function describeFailure(error: TemporalFailure): DescribedFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const known = cause instanceof ApplicationFailure ? cause.details?.[0] : lastHeartbeat(cause);
  const used = isRecord(known) ? readSpent(known.spent) : null;
  const spent = used === null ? {} : { spent: used };
  if (cause instanceof ApplicationFailure) {
    const named = isRecord(known) ? readInterruptionLogs(known.logs) : [];
    // Workers of before wrote the ledger without them, which a replay must not change.
    const logs = named.length > 0 && patched(NAMED_LOGS) ? { logs: named } : {};
    return { code: cause.type ?? 'INTERNAL', message: cause.message, ...spent, ...logs };
  }
  return { code: cause?.name ?? 'INTERNAL', message: rootCause(error) ?? error.message, ...spent };
}

/** A worker that was lost said in its heartbeats what the attempt had used. */
const lastHeartbeat = (cause: Error | undefined): unknown =>
  cause instanceof TimeoutFailure ? cause.lastHeartbeatDetails : undefined;
