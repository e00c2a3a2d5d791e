import type { GovernedRuns } from '../../client/client.js';
import type { ListedRun } from '../../client/listing.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { ArtifactStore, ReadableStore } from '../../ports/artifact-store.js';
import { isRefusedStart, journalledRun } from './journalled-run.js';
import { LATEST } from './options.js';
import type { Output } from './output.js';
import { printableLine } from './printable.js';
import { readPublishedRun } from './published-run.js';
import type { ThisRepository } from './this-repository.js';

interface PublishedSources {
  readonly store: ReadableStore;
  /** Where runs that are not published left what they began; null where only published ones are meant. */
  readonly journals: Pick<ArtifactStore, 'journals' | 'readJournal' | 'readObject'> | null;
  readonly runs: null;
  readonly here: Pick<ThisRepository, 'what' | 'owns'>;
}

export interface LiveSources {
  readonly store: ArtifactStore;
  readonly runs: GovernedRuns;
  readonly here: ThisRepository;
}

export type RunSources = PublishedSources | LiveSources;

export interface SelectedRun {
  readonly run_id: string;
  /** The repository that it is of; null when its record cannot be read. */
  readonly target_repo: string | null;
}

/** Such as `20260102-fix-sum of shop`: what every command says of the run that it acts on. */
export const describeSelected = ({ run_id, target_repo }: SelectedRun): string =>
  target_repo === null ? run_id : `${run_id} of ${printableLine(target_repo, 60)}`;

/** Says which run a command acts on, before it acts. On standard error, so that what it prints can be piped on. */
export const announceRun = (run: SelectedRun, output: Output): void => output.note(`run     ${describeSelected(run)}`);

/** Enough to see that a beginning is not unique, and to name some. */
const CANDIDATES = 4;
const CAN_BEGIN_AN_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * Finds the run that a command is about: by its id, by a unique prefix of the id, or by `latest`.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectRun(given: string, sources: RunSources): Promise<SelectedRun> {
  if (given === LATEST) return latestRun(sources);
  if (!CAN_BEGIN_AN_ID.test(given)) throw notFound(given);
  const exact = await find(given, sources);
  if (exact !== null) return exact;
  const { store, runs } = sources;
  const listed = runs === null ? [] : await runs.list(CANDIDATES, { prefix: given });
  const begun = runs === null && sources.journals !== null ? await sources.journals.journals() : [];
  const stored = [...(await store.list()).map(({ run_id }) => run_id), ...begun].filter((id) => id.startsWith(given));
  const ids = [...new Set([...listed.map(({ run_id }) => run_id), ...stored])];
  const [only] = ids;
  if (only === undefined) throw notFound(given);
  if (ids.length === 1) return (await find(only, sources)) ?? { run_id: only, target_repo: null };
  const some = ids.slice(0, CANDIDATES - 1).join(', ') + (ids.length >= CANDIDATES ? ', …' : '');
  throw new PromptOsError('RUN_AMBIGUOUS', `Several runs begin with "${given}": ${some}.`);
}

async function find(runId: string, sources: RunSources): Promise<SelectedRun | null> {
  const { store, runs } = sources;
  // Two characters are the beginning of an id, never one.
  if (runId.length < 3) return null;
  if ((await store.published(runId)) !== null) {
    const read = await readPublishedRun(store, runId).catch(() => null);
    return { run_id: runId, target_repo: read?.record.target_repo ?? null };
  }
  if (runs === null) {
    const { journals } = sources;
    const begun = journals === null ? null : await journalledRun(journals, runId).catch(() => null);
    return begun && { run_id: runId, target_repo: begun.target_repo };
  }
  try {
    return await runs.describe(runId);
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'RUN_NOT_FOUND') return null;
    throw error;
  }
}

const notFound = (given: string): PromptOsError =>
  new PromptOsError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(given)}, nor one that begins so.`);

/** A run, and when it was started, however often it continued as new since. */
export interface StartedRun extends SelectedRun {
  readonly started_at: Date;
}

/** The run of this repository that was started last. @throws PromptOsError RUN_NOT_FOUND */
export async function latestRun(sources: RunSources): Promise<SelectedRun> {
  const { store, here } = sources;
  const known = await (sources.runs === null ? newestBegun(sources) : newestKnown(sources));
  const published = await newestPublished(store, here);
  if (known === null && published === null) {
    const hint = '`promptos dev` starts one; `promptos run list` shows those of every repository.';
    throw new PromptOsError('RUN_NOT_FOUND', `There is no run of ${here.what} yet.`, { hint });
  }
  return newer(known, published) as StartedRun;
}

const newer = (one: StartedRun | null, other: StartedRun | null): StartedRun | null =>
  one === null || (other !== null && other.started_at > one.started_at) ? other : one;

/** As Temporal knows them: the open runs first, then the others by their end. */
async function newestKnown({ store, runs, here }: LiveSources): Promise<StartedRun | null> {
  let newest: StartedRun | null = null;
  for await (const run of runs.each({ taskQueue: here.queue })) {
    // What ended before the newest was started, and all that follow, were started earlier.
    if (newest !== null && run.closed_at !== null && run.closed_at < newest.started_at) break;
    // An execution that goes on from another one was started later than its run.
    if (newest !== null && run.started_at <= newest.started_at) continue;
    if (!(await here.owns(run)) || (await isRefused(store, runs, run))) continue;
    const { run_id, target_repo } = run;
    newest = newer(newest, { run_id, target_repo, started_at: await runs.startedAt(run_id) });
  }
  return newest;
}

const isRefused = async (store: ArtifactStore, runs: LiveSources['runs'], run: ListedRun): Promise<boolean> =>
  run.status === 'FAILED' && (await isRefusedStart(store, await runs.describe(run.run_id)));

/** Without Temporal, what the developer signed of runs that are not published says when they were started. */
async function newestBegun({ store, journals, here }: PublishedSources): Promise<StartedRun | null> {
  if (journals === null) return null;
  const ended = new Set((await store.list()).map(({ run_id }) => run_id));
  let newest: StartedRun | null = null;
  for (const run_id of await journals.journals()) {
    if (ended.has(run_id)) continue;
    const { started_at, target_repo, policy_sha256 } = (await journalledRun(journals, run_id).catch(() => null)) ?? {};
    if (!started_at || !target_repo || !policy_sha256) continue;
    if (!(await here.owns({ target_repo, policy_sha256, task_queue: null }))) continue;
    newest = newer(newest, { run_id, target_repo, started_at: new Date(started_at) });
  }
  return newest;
}

async function newestPublished(store: ReadableStore, here: Pick<ThisRepository, 'owns'>): Promise<StartedRun | null> {
  let newest: StartedRun | null = null;
  for (const { run_id, published_at } of await store.list()) {
    // Newest first, and no run is published before it is started.
    if (newest !== null && published_at < newest.started_at) break;
    const found = await readPublishedRun(store, run_id).catch(() => null);
    // A record that cannot be read may be that of the requested run: the user must see what is wrong with it.
    if (found === null) {
      newest = newer(newest, { run_id, target_repo: null, started_at: published_at });
      continue;
    }
    const { target_repo, policy, started_at } = found.record;
    const origin = { target_repo, policy_sha256: policy.sha256, task_queue: null };
    if (await here.owns(origin)) newest = newer(newest, { run_id, target_repo, started_at: new Date(started_at) });
  }
  return newest;
}

/** The runs of this repository that have not ended, the newest first; of one request when its digest is given. */
export async function openRuns({ runs, here }: LiveSources, requestSha256?: string): Promise<readonly StartedRun[]> {
  const open: StartedRun[] = [];
  for await (const run of runs.each({ taskQueue: here.queue, open: true })) {
    if (requestSha256 !== undefined && run.request_sha256 !== requestSha256) continue;
    if (!(await here.owns(run))) continue;
    const { run_id, target_repo } = run;
    open.push({ run_id, target_repo, started_at: await runs.startedAt(run_id) });
  }
  return open.sort((one, other) => other.started_at.getTime() - one.started_at.getTime());
}
