import type { ListedRun } from '../client/client.js';
import { PromptOsError } from '../contracts/errors.js';
import type { ArtifactStore, ReadableStore } from '../ports/artifact-store.js';
import { journalledRun } from './journalled-run.js';
import { readPublishedRun } from './published-run.js';
import { isRefusedStart } from './refused-start.js';
import type { LiveSources, PublishedSources, RunSources, SelectedRun } from './selected-run.js';
import type { ThisRepository } from './this-repository.js';

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
    // A record that cannot be read may be of the run that is meant: whoever asks for it must see what is wrong.
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
