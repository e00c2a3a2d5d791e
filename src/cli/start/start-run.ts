import { setTimeout as delay } from 'node:timers/promises';
import type { GovernedRuns } from '../../client/client.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run/run-status.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { Connected } from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { programFor } from '../app/project.js';
import { exitBySignal, onStopSignal, type StopSignal } from '../app/stop-signals.js';
import { askAwaited, decideUnattended } from '../decide/answer-awaited.js';
import { showRequest } from '../decide/show-request.js';
import { rememberRun } from '../runs/read/last-run.js';
import { publishedStatus } from '../runs/read/run-status.js';
import { showFinishedRun } from '../runs/show/finish-run.js';
import { followRun } from '../runs/show/follow-run.js';
import { howToAnswer } from '../runs/show/show-status.js';
import { findOpenRun, type SelectOpenRun } from './open-runs.js';
import type { PreparedRun, RunPlace } from './prepare-run.js';
import {
  type HostedWorkers,
  type OpenedPlace,
  warnUnpushed,
  warnWithoutPollers,
  withTemporal,
  withWorkers,
} from './serve-runs.js';

/** Milliseconds in which a run opens, and its first gate has not ended yet. */
const OPENING_MS = 250;

export interface FollowChoices {
  /** Decides without asking, as this integrator. */
  readonly decideAs?: string;
  /** Asks on the terminal, as this integrator. */
  readonly askAs?: string;
  /** Whether a worker is started here although the environment names a Temporal of the user's own. */
  readonly worker: boolean;
  /** Starts a new run also where one of the same request has not ended. */
  readonly forceNew?: boolean;
  readonly key?: string;
}

/** A prepared run that is to be started, or one that was started before and is to be carried on with. */
export type WantedRun =
  | { readonly place: PreparedRun; readonly select: null }
  | { readonly place: RunPlace; readonly select: SelectOpenRun };

/**
 * The run to carry on with; null where the prepared one is to be started. Where a run of the same request has not ended,
 * that one is carried on with when a person at a terminal says so.
 */
async function findStarted(
  context: CommandContext,
  { place, select }: WantedRun,
  choices: FollowChoices,
  opened: OpenedPlace,
): Promise<string | null> {
  if (select !== null) return select(opened);
  const open = choices.forceNew ? null : await findOpenRun(context, place, opened);
  if (open === null) await warnUnpushed(place, context.output().note);
  return open;
}

/** Starts the run where none is carried on with, and says which it is. @returns its id */
async function begin(
  context: CommandContext,
  { place, select }: WantedRun,
  started: string | null,
  opened: OpenedPlace,
): Promise<string> {
  const isNew = started === null && select === null;
  const runId = isNew ? await start(context, place, opened) : (started ?? '');
  await introduce(context, runId, opened.temporal, isNew ? 'started' : 'resumed');
  return runId;
}

/**
 * Starts or resumes a run, follows it to its end and prints what came of it.
 * @returns whether it ended; not so when it was left before
 * @throws PromptOsError RUN_OPEN without a terminal
 */
export async function runAndFollow(
  context: CommandContext,
  wanted: WantedRun,
  choices: FollowChoices,
): Promise<boolean> {
  const { place } = wanted;
  return withTemporal(context, place, choices.key, async (opened) => {
    const started = await findStarted(context, wanted, choices, opened);
    return withWorkers(context, place, choices, opened, async (workers) => {
      const runId = await begin(context, wanted, started, opened);
      // A look at a run that is just opening costs it a workflow task of its own, and shows nothing.
      if (started === null) await delay(OPENING_MS);
      return follow(context, { runId, place }, choices, { ...opened, workers });
    });
  });
}

/** Starts or resumes a run, and leaves the work to a background worker. @throws PromptOsError as `runAndFollow` */
export async function runDetached(context: CommandContext, wanted: WantedRun, choices: FollowChoices): Promise<void> {
  const { place } = wanted;
  await withTemporal(context, place, choices.key, async (opened) => {
    const output = context.output();
    const { temporal, store } = opened;
    const started = await findStarted(context, wanted, choices, opened);
    if (temporal.embedded || choices.worker) {
      const { startDetachedWorker } = await import('./background.js');
      await startDetachedWorker(context, place);
    } else {
      await warnWithoutPollers(place, temporal, output.note);
    }
    const runId = await begin(context, wanted, started, opened);
    output.emit({ event: 'detached', run_id: runId, tree: store.locate(runId), ui: await temporal.runPage(runId) });
  });
}

interface Hosted extends OpenedPlace {
  readonly workers: HostedWorkers | null;
}

async function start(context: CommandContext, { project, start: options }: PreparedRun, { runs }: OpenedPlace) {
  await runs.start(options);
  await rememberRun(context, project, options.runId);
  return options.runId;
}

async function introduce(
  context: CommandContext,
  runId: string,
  temporal: Connected,
  event: 'started' | 'resumed',
): Promise<void> {
  const output = context.output();
  const ui = await temporal.runPage(runId);
  output.say(`run     ${runId}`);
  output.say(
    ui === null ? `temporal ${temporal.connectionOptions.address}, namespace ${temporal.namespace}` : `ui      ${ui}`,
  );
  output.say();
  output.emit({ event, run_id: runId, ui });
}

async function follow(
  context: CommandContext,
  { runId, place }: { readonly runId: string; readonly place: RunPlace },
  choices: FollowChoices,
  { runs, store, temporal, workers }: Hosted,
): Promise<boolean> {
  const output = context.output();
  const program = await programFor(context, place.project);
  const interrupted = new AbortController();
  let stoppedBy = null as StopSignal | null;
  const release = onStopSignal((signal) => {
    stoppedBy = signal;
    interrupted.abort();
  });
  const broken = workers?.finished.catch((error: unknown) => error) ?? new Promise<never>(() => undefined);
  try {
    const ended = await Promise.race([
      followRun({
        runs,
        runId,
        output,
        signal: interrupted.signal,
        onAwaiting: (status, awaited) => answer(context, { runs, store, choices, program }, status, awaited),
        published: () => publishedStatus(store, runId),
      }),
      broken.then((error) => {
        throw error ?? new Error('the worker stopped while it was needed');
      }),
    ]);
    if (ended === null) {
      output.say();
      output.say(
        `Stopped. Run ${runId} has not ended; it goes on with the next worker. Carry on here: \`${program} dev --resume ${runId}\`.`,
      );
      if (stoppedBy !== null) exitBySignal(stoppedBy);
      return false;
    }
    output.emit(await showFinishedRun(context, { store, runId, ended, ui: await temporal.runPage(runId) }));
    return true;
  } finally {
    interrupted.abort();
    release();
  }
}

async function answer(
  context: CommandContext,
  {
    runs,
    store,
    choices,
    program,
  }: { runs: GovernedRuns; store: ArtifactStore; choices: FollowChoices; program: string },
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
): Promise<void> {
  const output = context.output();
  if (choices.decideAs !== undefined) return decideUnattended(runs, choices.decideAs, status, awaited, output);
  if (choices.askAs !== undefined && output.interactive) {
    const asked = { runs, store, status, actor: choices.askAs, output };
    await askAwaited(asked, awaited);
    return;
  }
  await showRequest({ store, status, awaited, output });
  for (const line of howToAnswer(status, awaited, program)) output.say(`  → ${line}`);
}
