import { pMapIterable, pMapSkip } from 'p-map';
import type { GovernedRuns } from '../../../client/client.js';
import type { ListedRun } from '../../../client/listing.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { GATES } from '../../../contracts/names.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { CommandContext } from '../../app/context.js';
import { type AwaitedPeople, awaitedPeople, isRefusedStart, journalledRun } from '../../app/journalled-run.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { findProject, openProjectStore } from '../../app/project.js';
import { readPublishedRun } from '../../app/published-run.js';
import { isNoServer } from '../../app/report-error.js';
import { type OpenedRuns, withRuns } from '../read/governed-runs.js';
import { storedStatus } from '../read/run-status.js';
import type { UseOptions } from '../read/run-uses.js';

/** The state of what was started and never became a run. */
const REFUSED = 'refused';
/** Open runs are read from their histories: with a server far away that is mostly waiting. */
const PARALLEL_RUNS = 8;

/** One run of a listing. */
interface RunLine {
  readonly run_id: string;
  /**
   * `running`, an outcome, `open` for a run that only its journal is known of, or what Temporal says of a run without a
   * record, such as `terminated`.
   */
  readonly state: string;
  /** Empty when it is not known. */
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly developer: string;
  readonly target_repo: string;
  readonly awaits: readonly AwaitedPeople[];
}

/** `run list`: the runs that Temporal and the store know, the newest first; those that used something, if it is asked. */
export async function listRuns(context: CommandContext, limit: number, wanted: UseOptions = {}): Promise<void> {
  const output = context.output();
  const { prompt, pack, policy, model } = wanted;
  const uses = (prompt ?? pack ?? policy ?? model) ? await import('../read/run-uses.js') : null;
  const asked = uses === null ? null : uses.readUses(wanted);
  const filter = (store: ArtifactStore, runs: GovernedRuns | null): Filter => ({
    asks: asked !== null,
    keeps: async (runId) =>
      uses === null || asked === null || uses.usesOfRun(store, runs, runId).then(asked, () => unknownUses(runId)),
  });
  // What cannot be read may have used it: it must not be missing without a word.
  const unknownUses = (runId: string): boolean => {
    output.note(`note: what run ${runId} used cannot be read, so it is listed`);
    return true;
  };
  const known = (opened: OpenedRuns) => knownRuns(opened, limit, filter(opened.store, opened.runs));
  const lines = await withRuns(context, known).catch(async (error: unknown) => {
    if (!isNoServer(error)) throw error;
    const { store } = await openProjectStore(await findProject(context));
    const stored = await storedRuns(store, limit, new Set(), filter(store, null));
    output.note('note: no Temporal server answers, so the runs are listed as the store has them');
    return stored;
  });
  if (lines.length === 0 && asked !== null) output.say('No run that is known here used that.');
  else showLines(lines, output);
}

/** Which runs are wanted. */
interface Filter {
  readonly asks: boolean;
  keeps(runId: string): Promise<boolean>;
}

function showLines(lines: readonly RunLine[], output: Output): void {
  const width = Math.max(0, ...lines.map(({ run_id }) => run_id.length));
  const say = ({ run_id, state, started_at, developer, target_repo, awaits }: RunLine) => {
    const started = started_at === '' ? '?'.padEnd(17) : `${started_at.slice(0, 16).replace('T', ' ')}Z`;
    const who = `${printableLine(target_repo, 60)}, by ${printableLine(developer, 60)}`;
    output.say(`${run_id.padEnd(width)}  ${state.padEnd(10)}  ${started}  ${who}`);
    for (const awaited of awaits) output.say(`${''.padEnd(width)}  ${describePeople(awaited)}`);
  };
  for (const line of lines) if (line.state !== REFUSED) say(line);
  const refused = lines.filter(({ state }) => state === REFUSED);
  if (refused.length > 0) output.say('\nRefused starts: no run began, and nothing was recorded.');
  for (const line of refused) say(line);
  if (lines.length === 0) output.say('There is no run yet: `promptos dev` starts one.');
  for (const line of lines) output.emit(line);
}

export function describePeople({ kind, gate, request_id, of }: AwaitedPeople): string {
  const what = [
    kind === 'decision' ? 'a decision' : 'a resolution',
    gate === null ? '' : ` ${kind === 'decision' ? 'on' : 'at'} ${gate} ${GATES[gate].title}`,
    request_id === null ? '' : ` (${request_id})`,
  ].join('');
  return `waits for ${what} by ${of.map((name) => printableLine(name, 60)).join(' or ') || 'an integrator'}`;
}

async function knownRuns({ runs, store }: OpenedRuns, limit: number, wanted: Filter): Promise<readonly RunLine[]> {
  const known = new Set<string>();
  const read = async (found: ListedRun): Promise<RunLine | typeof pMapSkip> => {
    known.add(found.run_id);
    if (!(await wanted.keeps(found.run_id))) return pMapSkip;
    const line = await knownLine({ runs, store }, found);
    // A start that was refused used nothing.
    return wanted.asks && line.state === REFUSED ? pMapSkip : line;
  };
  const lines: RunLine[] = [];
  for await (const line of pMapIterable(runs.each(), read, { concurrency: PARALLEL_RUNS })) {
    if (lines.push(line) >= limit) break;
  }
  // A server forgets runs after its retention; the store does not.
  const older = lines.length >= limit ? [] : await publishedRuns(store, limit - lines.length, known, wanted);
  return newestFirst([...lines, ...older]);
}

async function knownLine({ runs, store }: Pick<OpenedRuns, 'runs' | 'store'>, found: ListedRun): Promise<RunLine> {
  const { run_id, status, started_at, closed_at, developer, target_repo } = found;
  const refused = await isRefusedStart(store, found);
  const open = status === 'RUNNING';
  const recorded = open || refused ? null : await publishedLine(store, run_id);
  if (recorded !== null) return recorded;
  // A run whose ledger cannot be read is listed all the same; `run status` says what is wrong.
  const stored = open ? await storedStatus(runs, store, run_id).catch(() => null) : null;
  const failed = !open && !refused && (await journalledRun(store, run_id).catch(() => null))?.failed;
  return {
    run_id,
    state: refused ? REFUSED : failed ? 'failed' : (stored?.status.outcome ?? status.toLowerCase()),
    started_at: started_at.toISOString(),
    finished_at: closed_at?.toISOString() ?? null,
    developer,
    target_repo,
    awaits: stored === null ? [] : awaitedPeople(stored.status),
  };
}

/** What the store has without a server: runs that are published, and those that have a journal alone. */
async function storedRuns(
  store: ArtifactStore,
  limit: number,
  known: ReadonlySet<string>,
  wanted: Filter,
): Promise<readonly RunLine[]> {
  const published = await store.list();
  const ended = new Set(published.map(({ run_id }) => run_id));
  const open: string[] = [];
  for (const run_id of await store.journals()) {
    if (!ended.has(run_id) && !known.has(run_id) && (await wanted.keeps(run_id))) open.push(run_id);
  }
  const lines = await Promise.all(open.map((run_id) => journalledLine(store, run_id)));
  const all = [...lines.filter((line) => line !== null), ...(await publishedRuns(store, limit, known, wanted))];
  return newestFirst(all).slice(0, limit);
}

async function publishedRuns(
  store: ArtifactStore,
  limit: number,
  known: ReadonlySet<string>,
  wanted: Filter,
): Promise<readonly RunLine[]> {
  const kept: string[] = [];
  for (const { run_id } of await store.list()) {
    if (kept.length >= limit) break;
    if (!known.has(run_id) && (await wanted.keeps(run_id))) kept.push(run_id);
  }
  const lines = await Promise.all(kept.map((run_id) => publishedLine(store, run_id)));
  return lines.filter((line) => line !== null);
}

const newestFirst = (lines: readonly RunLine[]): readonly RunLine[] =>
  [...lines].sort((a, b) => (a.started_at < b.started_at ? 1 : -1));

/** Null when the run is not published; one whose record is damaged is named all the same. */
async function publishedLine(store: ArtifactStore, runId: string): Promise<RunLine | null> {
  return readPublishedRun(store, runId).then(
    ({ record: { outcome, started_at, finished_at, developer, target_repo } }) => ({
      ...{ run_id: runId, state: outcome, started_at, finished_at, developer, target_repo, awaits: [] },
    }),
    (error: unknown) =>
      error instanceof PromptOsError && error.code === 'RUN_NOT_PUBLISHED' ? null : unreadable(runId),
  );
}

/** A run that is not published, from the store alone; null for a journal that begins no run. */
export async function journalledLine(store: ArtifactStore, runId: string): Promise<RunLine | null> {
  const found = await journalledRun(store, runId).catch(() => undefined);
  if (found === undefined) return unreadable(runId);
  if (found === null) return null;
  const { failed, started_at, developer, target_repo, awaits } = found;
  return {
    run_id: runId,
    state: failed === null ? 'open' : 'failed',
    started_at: started_at ?? '',
    finished_at: null,
    developer: developer ?? '?',
    target_repo: target_repo ?? '?',
    awaits,
  };
}

const unreadable = (runId: string): RunLine => ({
  ...{ run_id: runId, state: 'unreadable', started_at: '', finished_at: null, developer: '?', target_repo: '?' },
  awaits: [],
});
