import { setTimeout as delay } from 'node:timers/promises';
import type { ListedRun } from '../../../client/listing.js';
import type { GateAtWork } from '../../../client/progress.js';
import type { RunTrouble } from '../../../client/trouble.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { runWorkflowId } from '../../../contracts/names.js';
import type { AttemptRecord } from '../../../contracts/record/attempt.js';
import { keepLast } from '../../../contracts/remember.js';
import type { GateStatus, RunStatus } from '../../../contracts/run/run-status.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { CommandContext } from '../../app/context.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { openingFailure } from '../../app/published-run.js';
import { isNoServer } from '../../app/report-error.js';
import { announceRun, selectRun } from '../../app/select-run.js';
import { readAttempt } from '../read/attempt-logs.js';
import { modelsOf } from '../read/gate-models.js';
import { type OpenedRuns, withRuns } from '../read/governed-runs.js';
import { withPublishedOrLive } from '../read/open-run.js';
import { publishedStatus, storedStatus } from '../read/run-status.js';
import {
  createAge,
  describeProgress,
  type FollowOptions,
  followRun,
  progressFacts,
  whileLookingOn,
} from './follow-run.js';
import {
  describeAwaited,
  describeCause,
  describeTrouble,
  howToAnswer,
  type RunPlaces,
  showStatus,
} from './show-status.js';

/**
 * `run status`: from the published record once there is one, so that a run that has ended needs neither server nor
 * worker; else from the run itself.
 */
export async function showRun(context: CommandContext, given: string): Promise<void> {
  const output = context.output();
  await withPublishedOrLive<true>(context, given, {
    published: async (store, { run_id }) => {
      const recorded = await publishedStatus(store, run_id);
      if (recorded !== null) await printRun(output, recorded, store, null);
      return true;
    },
    live: async (session, { run_id }) => {
      await showLiveRun(output, session, run_id);
      return true;
    },
    journalled: (store, { run_id }) => printFromJournal(output, store, run_id),
  });
}

/** What the store alone knows of a run that has not ended. @returns null when that is nothing */
async function printFromJournal(output: Output, store: ArtifactStore, runId: string): Promise<true | null> {
  const { describePeople, journalledLine } = await import('./list-runs.js');
  const line = await journalledLine(store, runId);
  if (line === null || line.state === 'unreadable') return null;
  const started = line.started_at === '' ? '' : ` at ${line.started_at}`;
  output.say(`run     ${runId}`);
  output.say(`repo    ${printableLine(line.target_repo)}, started by ${printableLine(line.developer)}${started}`);
  output.say(`state   ${line.state}`);
  for (const awaited of line.awaits) output.say(`        ${describePeople(awaited)}`);
  output.note(
    'note: no Temporal server answers; this is what the store knows of the run, and the run itself may be further',
  );
  output.emit({ ...line, workflow_id: runWorkflowId(runId) });
  return true;
}

/** What is known of a run with a server. @throws PromptOsError WORKER_MISSING, and what a run that failed failed with */
async function showLiveRun(output: Output, session: OpenedRuns, runId: string): Promise<void> {
  const { runs, store, temporal } = session;
  const ui = await temporal.runPage(runId);
  const recorded = await publishedStatus(store, runId);
  if (recorded !== null) return printRun(output, recorded, store, ui);
  try {
    const status = await runs.status(runId);
    await printRun(output, await withModels(store, status), store, ui, await liveFacts(session, runId));
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'WORKER_MISSING')) throw error;
    const known = await runs.describe(runId);
    const facts = await liveFacts(session, runId);
    const wanted = known.status === 'RUNNING' || facts.trouble !== null;
    // A store that cannot be read is one of the things that keep a run from its record.
    const stored = wanted ? await storedStatus(runs, store, runId).catch(() => null) : null;
    if (stored !== null) {
      await printRun(output, await withModels(store, stored.status), store, ui, facts);
      output.note(`note: no worker answers; this is the run as its store has it${unreadMessages(stored.unread)}`);
      return;
    }
    printWithoutWorker(output, known, ui, facts.trouble);
    // A run that has ended without a record failed or was terminated: what it failed with is more than a missing worker.
    if (known.status !== 'RUNNING') await runs.wait(runId);
    throw error;
  }
}

const unreadMessages = (count: number): string =>
  count === 0 ? '' : `, and ${count === 1 ? '1 message waits' : `${count} messages wait`} for a worker`;

/** What Temporal itself knows of a run. */
function printWithoutWorker(output: Output, run: ListedRun, ui: string | null, trouble: RunTrouble | null): void {
  const { run_id, workflow_id, status, started_at, target_repo, developer } = run;
  output.say(`run     ${run_id}`);
  output.say(
    `repo    ${printableLine(target_repo)}, started by ${printableLine(developer)} at ${started_at.toISOString()}`,
  );
  const why = status === 'RUNNING' ? 'no worker is there to say more' : 'and without a record';
  output.say(`state   ${status.toLowerCase()} in Temporal, ${why}`);
  // What ended it is the error that follows.
  const shown = status === 'RUNNING' && trouble !== null ? describeTrouble(run_id, trouble, false) : [];
  for (const line of shown) output.say(line);
  if (ui !== null) output.say(`ui      ${ui}`);
  output.emit({ run_id, workflow_id, temporal_status: status, started_at, target_repo, developer, ui, trouble });
}

async function printRun(
  output: Output,
  status: RunStatus,
  store: ArtifactStore,
  ui: string | null,
  { atWork, trouble }: LiveFacts = { atWork: null, trouble: null },
): Promise<void> {
  const tree = status.run_record_sha256 === null ? null : store.locate(status.run_id);
  const why = tree !== null && status.outcome === 'failed' ? await openingFailure(store, status.run_id) : null;
  showStatus(status, { tree, ui, progress: atWork === null ? [] : describeProgress(atWork), trouble, why }, output);
  const progress = atWork === null ? null : progressFacts(atWork);
  output.emit({
    ...status,
    workflow_id: runWorkflowId(status.run_id),
    tree,
    ui,
    progress,
    trouble,
    ...(why === null ? {} : { why }),
  });
}

/** What Temporal knows of a run and the run itself does not. */
interface LiveFacts {
  /** What the gate that is carried out is at. */
  readonly atWork: GateAtWork | null;
  readonly trouble: RunTrouble | null;
}

const liveFacts = async ({ runs }: OpenedRuns, runId: string): Promise<LiveFacts> => ({
  atWork: (await runs.moment(runId)).at_work,
  // What Temporal does not say must not hide the run's status.
  trouble: await runs.trouble(runId).catch(() => null),
});

/** What a run waits for, with the commands that answer it. */
function sayAwaited(status: RunStatus, awaited: RunStatus['awaiting'][number], output: Output): void {
  output.say(`  awaits ${describeAwaited(awaited)}`);
  for (const line of describeCause(awaited)) output.say(`    ${line}`);
  for (const command of howToAnswer(status, awaited)) output.say(`    → ${command}`);
}

/** Asks on the terminal for something that a run waits for, as the integrator named. */
export type AskAwaited = (
  asked: Pick<OpenedRuns, 'runs' | 'store'> & {
    readonly status: RunStatus;
    readonly actor: string;
    readonly output: Output;
  },
  awaited: RunStatus['awaiting'][number],
) => Promise<void>;

export interface WatchOptions {
  /** Asks on the terminal for what the run waits for, as this integrator. */
  readonly as?: string;
  readonly key?: string;
}

/** `run watch`: prints what happens until the run has ended, and with `--as` asks for decisions as `dev` does. */
export async function watchRun(
  context: CommandContext,
  given: string,
  { as, key }: WatchOptions,
  ask: AskAwaited,
): Promise<void> {
  if (as !== undefined && !context.output().interactive) {
    throw new PromptOsError('NOT_A_TERMINAL', 'There is no terminal to ask on.', {
      hint: 'Leave --as out, and decide with `promptos approve`, `reject` and `resolve`.',
    });
  }
  const watch = async (session: OpenedRuns) => {
    const { runs, store, temporal } = session;
    const output = context.output();
    const run = await selectRun(given, session);
    announceRun(run, output);
    const runId = run.run_id;
    const published = () => publishedStatus(store, runId);
    let ended = await published();
    if (ended === null) {
      const onAwaiting: FollowOptions['onAwaiting'] = async (status, awaited) => {
        if (as !== undefined) return ask({ runs, store, status, actor: as, output }, awaited);
        sayAwaited(status, awaited, output);
      };
      ended = await whileLookingOn(output, runId, () => followRun({ runs, runId, output, published, onAwaiting }));
    }
    if (ended !== null) {
      const { showFinishedRun } = await import('./finish-run.js');
      output.emit(await showFinishedRun(context, { store, runId, ended, ui: await temporal.runPage(runId) }));
    }
  };
  await withRuns(context, watch, { key });
}

/** Milliseconds between two looks. */
const LOOK_MS = 1_000;

/**
 * `run status --follow`: on a terminal the status, drawn again until the run has ended; elsewhere a line for each change. Then
 * the status that the run ended with.
 */
export async function followStatus(context: CommandContext, given: string): Promise<void> {
  try {
    await withRuns(context, async (session) => {
      const output = context.output();
      const run = await selectRun(given, session);
      if ((await session.store.published(run.run_id)) === null) {
        if (!output.redraws) announceRun(run, output);
        const show = output.redraws ? redrawUntilEnd : listChanges;
        await whileLookingOn(output, run.run_id, () => show(output, session, run.run_id));
      }
      await showLiveRun(output, session, run.run_id);
    });
  } catch (error) {
    if (!isNoServer(error)) throw error;
    await showRun(context, given);
  }
}

async function listChanges(output: Output, { runs, store }: OpenedRuns, runId: string): Promise<void> {
  await followRun({
    runs,
    runId,
    output,
    onAwaiting: async (status, awaited) => sayAwaited(status, awaited, output),
    published: () => publishedStatus(store, runId),
  });
}

async function redrawUntilEnd(output: Output, session: OpenedRuns, runId: string): Promise<void> {
  const { runs, temporal } = session;
  const ageOf = createAge();
  const ui = await temporal.runPage(runId);
  for (;;) {
    const { open, at_work } = await runs.moment(runId);
    const status = open ? await currentStatus(session, runId) : null;
    if (!open || (status?.phase === 'closed' && status.run_record_sha256 !== null)) break;
    const progress = at_work === null ? [] : describeProgress(at_work, ageOf(at_work));
    const places = { tree: null, ui, progress };
    output.live(status === null ? [`run     ${runId}`, 'state   no worker answers'] : statusLines(status, places));
    await delay(LOOK_MS);
  }
  output.live([]);
}

/** The status, from the store where no worker answers; null when that has none. */
async function currentStatus({ runs, store }: OpenedRuns, runId: string): Promise<RunStatus | null> {
  try {
    return await withModels(store, await runs.status(runId));
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'WORKER_MISSING')) throw error;
    const stored = await storedStatus(runs, store, runId);
    return stored === null ? null : withModels(store, stored.status);
  }
}

/** What `showStatus` says, as lines. */
function statusLines(status: RunStatus, places: RunPlaces): readonly string[] {
  const lines: string[] = [];
  showStatus(status, places, { say: (text = '') => lines.push(...text.split('\n')) });
  return lines;
}

/** What the record of each gate's attempt says of models, for a run that is not published: the ledger does not have it. */
export async function withModels(store: Pick<ArtifactStore, 'readObject'>, status: RunStatus): Promise<RunStatus> {
  const gates = await Promise.all(
    status.gates.map(async (gate): Promise<GateStatus> => {
      const attempt = gate.output_sha256 === null ? null : await recordOf(store, gate.output_sha256);
      const models = attempt === null ? null : modelsOf(attempt);
      const { independence = [] } = attempt ?? {};
      return {
        ...gate,
        ...(models === null ? {} : { models }),
        ...(independence.length === 0 ? {} : { independence }),
      };
    }),
  );
  return { ...status, gates };
}

/** Records that were read: a status that is drawn again asks for the same ones. */
const records = new Map<string, AttemptRecord>();
const MAX_RECORDS = 16;

/** A record that cannot be read must not hide the run's status. */
async function recordOf(store: Pick<ArtifactStore, 'readObject'>, sha256: string): Promise<AttemptRecord | null> {
  const known = records.get(sha256);
  if (known !== undefined) return known;
  try {
    return keepLast(records, sha256, await readAttempt(store, sha256), MAX_RECORDS);
  } catch (error) {
    if (error instanceof PromptOsError) return null;
    throw error;
  }
}
