import { setTimeout as delay } from 'node:timers/promises';
import { openStore } from '../adapters/open-store.js';
import { GovernedRuns } from '../client.js';
import { unpushedCommit } from '../config/git-facts.js';
import { engineTaskQueue } from '../contracts/names.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../contracts/run-status.js';
import { stateFiles } from '../embedded/state-files.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { askAwaited, showRequest } from './ask-decision.js';
import { type Connected, connectTemporal } from './connect.js';
import { type CommandContext, programOf } from './context.js';
import { decideUnattended } from './decide-as.js';
import { showFinishedRun } from './finish-run.js';
import { followRun } from './follow-run.js';
import { type HostedWorkers, hostWorkers } from './host-workers.js';
import { howToAnswer } from './how-to-answer.js';
import { rememberRun } from './last-run.js';
import type { PreparedRun } from './prepare-run.js';
import { findProject, type Project, projectKeys } from './project.js';
import { countPollers, runQueues } from './run-queues.js';
import { shellWord } from './shell-word.js';
import { createSignerFinder } from './signing.js';

/** Milliseconds in which a run opens, and its first gate has not ended yet. */
const OPENING_MS = 250;

export interface FollowChoices {
  /** Decides without asking, as this integrator. */
  readonly decideAs?: string;
  /** Asks on the terminal, as this integrator. */
  readonly askAs?: string;
  /** Whether a worker is started here although the environment names a Temporal of the user's own. */
  readonly worker: boolean;
  /** The key file to sign with. */
  readonly key?: string;
}

/** A run that is to be followed: one that was just started, or one that an earlier command left. */
export interface FollowedRun {
  readonly runId: string;
  readonly prepared: Pick<PreparedRun, 'project' | 'setting'>;
}

/**
 * Starts a prepared run, follows it to its end and prints what came of it.
 * @returns whether it ended; not so when it was left before
 */
export async function startAndFollow(
  context: CommandContext,
  prepared: PreparedRun,
  choices: FollowChoices,
): Promise<boolean> {
  await warnUnpushed(prepared, context.output().note);
  return withWorkers(context, prepared, choices, async (hosted) => {
    await hosted.runs.start(prepared.start);
    await rememberRun(context, prepared.project, prepared.start.runId);
    introduce(context, prepared.start.runId, hosted.temporal);
    // A look at a run that is just opening costs it a workflow task of its own, and shows nothing.
    await delay(OPENING_MS);
    return follow(context, { runId: prepared.start.runId, prepared }, choices, hosted);
  });
}

/** Carries on with a run that is there already; otherwise as `startAndFollow`. */
export async function resumeAndFollow(
  context: CommandContext,
  followed: FollowedRun,
  choices: FollowChoices,
): Promise<boolean> {
  return withWorkers(context, followed.prepared, choices, async (hosted) => {
    introduce(context, followed.runId, hosted.temporal);
    return follow(context, followed, choices, hosted);
  });
}

/** Starts a prepared run, and leaves the work to a background worker. */
export async function startDetached(
  context: CommandContext,
  prepared: PreparedRun,
  { key, worker }: Pick<FollowChoices, 'key' | 'worker'>,
): Promise<void> {
  const output = context.output();
  await warnUnpushed(prepared, output.note);
  const temporal = await connectTemporal(prepared.project, { start: true, log: output.note });
  try {
    if (temporal.embedded || worker) {
      const { startDetachedWorker } = await import('./detached-worker.js');
      await startDetachedWorker(context, prepared);
    } else {
      await warnWithoutPollers(prepared, temporal, output.note);
    }
    const { store, runs } = openRuns(context, prepared, temporal, key);
    await runs.start(prepared.start);
    await rememberRun(context, prepared.project, prepared.start.runId);
    introduce(context, prepared.start.runId, temporal);
    output.emit({
      event: 'detached',
      run_id: prepared.start.runId,
      tree: store.locate(prepared.start.runId),
      ui: temporal.runPage(prepared.start.runId),
    });
  } finally {
    await temporal.close();
  }
}

interface Hosted {
  readonly temporal: Connected;
  readonly store: ArtifactStore;
  readonly runs: GovernedRuns;
  readonly workers: HostedWorkers | null;
}

function openRuns(
  context: CommandContext,
  { project, setting }: Pick<PreparedRun, 'project' | 'setting'>,
  temporal: Connected,
  key: string | undefined,
): Pick<Hosted, 'store' | 'runs'> {
  const store = openStore(setting);
  const taskQueue = engineTaskQueue(setting.config);
  const signerFor = createSignerFinder(context, store, { key, keysDir: projectKeys(project) });
  return { store, runs: new GovernedRuns({ client: temporal.client, taskQueue, store, signerFor }) };
}

async function withWorkers<T>(
  context: CommandContext,
  prepared: Pick<PreparedRun, 'project' | 'setting'>,
  choices: FollowChoices,
  work: (hosted: Hosted) => Promise<T>,
): Promise<T> {
  const { project, setting } = prepared;
  const { note } = context.output();
  const temporal = await connectTemporal(project, { start: true, log: note });
  try {
    const workers =
      temporal.embedded || choices.worker
        ? await hostWorkers(setting, temporal, {
            logLevel: project.environment.promptos.PROMPTOS_LOG_LEVEL,
            logFile: stateFiles(setting.stateDir).workerLog,
          })
        : null;
    if (workers === null) await warnWithoutPollers(prepared, temporal, note);
    try {
      return await work({ temporal, workers, ...openRuns(context, prepared, temporal, choices.key) });
    } finally {
      await workers?.stop();
    }
  } finally {
    await temporal.close();
  }
}

function introduce(context: CommandContext, runId: string, temporal: Connected): void {
  const output = context.output();
  const ui = temporal.runPage(runId);
  output.say(`run     ${runId}`);
  output.say(
    ui === null ? `temporal ${temporal.connectionOptions.address}, namespace ${temporal.namespace}` : `ui      ${ui}`,
  );
  output.say();
  output.emit({ event: 'started', run_id: runId, ui });
}

/** How a command must begin to reach a run's project from here: another repository than the one around is named. */
async function programFor(context: CommandContext, { files }: Project): Promise<string> {
  const here = await findProject(context);
  if (here.files.home === files.home || files.repository === null) return programOf(context);
  return `${programOf(context)} -C ${shellWord(files.repository)}`;
}

async function follow(
  context: CommandContext,
  { runId, prepared }: FollowedRun,
  choices: FollowChoices,
  { runs, store, temporal, workers }: Hosted,
): Promise<boolean> {
  const output = context.output();
  const program = await programFor(context, prepared.project);
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
      }),
      broken.then((error) => {
        throw error ?? new Error('the worker stopped while it was needed');
      }),
    ]);
    if (ended === null) {
      output.say();
      output.say(
        `Stopped. Run ${runId} goes on with the next worker: \`${program} worker\`, \`${program} run watch ${runId}\`.`,
      );
      context.exit(1);
      return false;
    }
    output.emit(await showFinishedRun(context, { store, runId, ended, ui: temporal.runPage(runId) }));
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
    return askAwaited(asked, awaited);
  }
  await showRequest({ store, status, awaited, output });
  for (const line of howToAnswer(status, awaited, program)) output.say(`  → ${line}`);
}

/** With a Temporal of the user's own, a queue that no worker polls is the commonest reason why nothing happens. */
async function warnWithoutPollers(
  { setting }: Pick<PreparedRun, 'setting'>,
  { client, namespace }: Connected,
  note: (line: string) => void,
): Promise<void> {
  for (const queue of runQueues(engineTaskQueue(setting.config))) {
    if ((await countPollers(client.connection, namespace, queue)) === 0) {
      note(`warning: no worker polls the queue ${queue.name} (${queue.carries}); start one: promptos worker`);
    }
  }
}

/** A worker that fetches the repository by URL cannot have a commit that is only in this clone. */
async function warnUnpushed({ project, setting, start }: PreparedRun, note: (line: string) => void): Promise<void> {
  const { repository } = project.files;
  const { baseCommit, targetRepo } = start;
  const entry = setting.config.repositories[targetRepo];
  if (repository === null || entry === undefined || !('url' in entry)) return;
  const unpushed = await unpushedCommit(repository, baseCommit);
  if (unpushed === null) return;
  note(
    `warning: the base commit ${baseCommit.slice(0, 12)} is on no remote branch: workers fetch ${targetRepo} by URL and cannot get it; push it: git push origin ${unpushed.branch}`,
  );
}
