import { setTimeout as delay } from 'node:timers/promises';
import type { GovernedRuns } from '../../client/client.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run-status.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { Connected } from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { programFor } from '../app/project.js';
import { askAwaited, decideUnattended } from '../decide/answer-awaited.js';
import { showRequest } from '../decide/show-request.js';
import { showFinishedRun } from '../runs/finish-run.js';
import { followRun } from '../runs/follow-run.js';
import { rememberRun } from '../runs/last-run.js';
import { publishedStatus } from '../runs/run-status.js';
import { howToAnswer } from '../runs/show-status.js';
import { findOpenRun, type SelectOpenRun } from './open-runs.js';
import type { PreparedRun } from './prepare-run.js';
import {
  type HostedWorkers,
  type OpenedPlace,
  type RunPlace,
  warnUnpushed,
  warnWithoutPollers,
  withTemporal,
  withWorkers,
} from './run-place.js';

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

/**
 * Starts a prepared run, follows it to its end and prints what came of it. Where a run of the same request has not ended,
 * that one is carried on with when a person at a terminal says so.
 * @returns whether it ended; not so when it was left before
 * @throws PromptOsError RUN_OPEN without a terminal
 */
export async function startAndFollow(
  context: CommandContext,
  prepared: PreparedRun,
  choices: FollowChoices,
): Promise<boolean> {
  return withTemporal(context, prepared, choices.key, async (opened) => {
    const open = choices.forceNew ? null : await findOpenRun(context, prepared, opened);
    if (open === null) await warnUnpushed(prepared, context.output().note);
    return withWorkers(context, prepared, choices, opened, async (workers) => {
      const runId = open ?? (await start(context, prepared, opened));
      await introduce(context, runId, opened.temporal, open === null ? 'started' : 'resumed');
      // A look at a run that is just opening costs it a workflow task of its own, and shows nothing.
      if (open === null) await delay(OPENING_MS);
      return follow(context, { runId, place: prepared }, choices, { ...opened, workers });
    });
  });
}

/** Carries on with a run that was started before; otherwise as `startAndFollow`. */
export async function resumeAndFollow(
  context: CommandContext,
  place: RunPlace,
  select: SelectOpenRun,
  choices: FollowChoices,
): Promise<boolean> {
  return withTemporal(context, place, choices.key, async (opened) => {
    const runId = await select(opened);
    return withWorkers(context, place, choices, opened, async (workers) => {
      await introduce(context, runId, opened.temporal, 'resumed');
      return follow(context, { runId, place }, choices, { ...opened, workers });
    });
  });
}

/** Starts a prepared run, and leaves the work to a background worker. @throws PromptOsError as `startAndFollow` */
export async function startDetached(
  context: CommandContext,
  prepared: PreparedRun,
  choices: FollowChoices,
): Promise<void> {
  await withTemporal(context, prepared, choices.key, async (opened) => {
    const open = choices.forceNew ? null : await findOpenRun(context, prepared, opened);
    if (open === null) await warnUnpushed(prepared, context.output().note);
    await leaveToWorker(context, prepared, choices, opened, async () =>
      open === null
        ? { runId: await start(context, prepared, opened), event: 'started' }
        : { runId: open, event: 'resumed' },
    );
  });
}

/** Leaves a run that was started before to a background worker. */
export async function resumeDetached(
  context: CommandContext,
  place: RunPlace,
  select: SelectOpenRun,
  choices: FollowChoices,
): Promise<void> {
  await withTemporal(context, place, choices.key, async (opened) => {
    const runId = await select(opened);
    await leaveToWorker(context, place, choices, opened, async () => ({ runId, event: 'resumed' }));
  });
}

interface Hosted extends OpenedPlace {
  readonly workers: HostedWorkers | null;
}

async function leaveToWorker(
  context: CommandContext,
  place: RunPlace,
  choices: FollowChoices,
  { temporal, store }: OpenedPlace,
  run: () => Promise<{ readonly runId: string; readonly event: 'started' | 'resumed' }>,
): Promise<void> {
  const output = context.output();
  if (temporal.embedded || choices.worker) {
    const { startDetachedWorker } = await import('./detached-worker.js');
    await startDetachedWorker(context, place);
  } else {
    await warnWithoutPollers(place, temporal, output.note);
  }
  const { runId, event } = await run();
  await introduce(context, runId, temporal, event);
  output.emit({ event: 'detached', run_id: runId, tree: store.locate(runId), ui: await temporal.runPage(runId) });
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
  const stop = () => interrupted.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
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
      context.exit(1);
      return false;
    }
    output.emit(await showFinishedRun(context, { store, runId, ended, ui: await temporal.runPage(runId) }));
    return true;
  } finally {
    interrupted.abort();
    process.off('SIGINT', stop).off('SIGTERM', stop);
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
