import type { GovernedRuns } from '../client.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { CommandContext } from './context.js';
import { withRuns } from './governed-runs.js';
import { isNoServer } from './no-server.js';
import { printableLine } from './printable.js';
import { findProject, openProjectStore } from './project.js';
import { readPublishedRun } from './published-run.js';
import { isRefusedStart } from './refused-start.js';

/** The state of what was started and never became a run. */
const REFUSED = 'refused';

/** One run of a listing. */
interface RunLine {
  readonly run_id: string;
  /** `running`, an outcome, or what Temporal says of a run without a record, such as `terminated`. */
  readonly state: string;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly developer: string;
  readonly target_repo: string;
}

/** `run list`: the runs that Temporal and the store know, the newest first. */
export async function listRuns(context: CommandContext, limit: number): Promise<void> {
  const output = context.output();
  const lines = await withRuns(context, ({ runs, store }) => knownRuns(runs, store, limit)).catch(
    async (error: unknown) => {
      if (!isNoServer(error)) throw error;
      const { store } = await openProjectStore(await findProject(context));
      const published = await publishedRuns(store, limit, new Set());
      if (published.length === 0) throw error;
      output.note('note: no Temporal server answers, so only published runs are listed');
      return published;
    },
  );
  const width = Math.max(0, ...lines.map(({ run_id }) => run_id.length));
  const say = ({ run_id, state, started_at, developer, target_repo }: RunLine) => {
    const started = `${started_at.slice(0, 16).replace('T', ' ')}Z`;
    const who = `${printableLine(target_repo, 60)}, by ${printableLine(developer, 60)}`;
    output.say(`${run_id.padEnd(width)}  ${state.padEnd(10)}  ${started}  ${who}`);
  };
  for (const line of lines) if (line.state !== REFUSED) say(line);
  const refused = lines.filter(({ state }) => state === REFUSED);
  if (refused.length > 0) output.say('\nRefused starts: no run began, and nothing was recorded.');
  for (const line of refused) say(line);
  if (lines.length === 0) output.say('There is no run yet: `promptos dev` starts one.');
  for (const line of lines) output.emit(line);
}

async function knownRuns(runs: GovernedRuns, store: ArtifactStore, limit: number): Promise<readonly RunLine[]> {
  const lines: RunLine[] = [];
  for (const found of await runs.list(limit)) {
    const { run_id, status, started_at, closed_at, developer, target_repo } = found;
    const refused = await isRefusedStart(store, found);
    const recorded = status === 'RUNNING' || refused ? null : await publishedLine(store, run_id);
    lines.push(
      recorded ?? {
        run_id,
        state: refused ? REFUSED : status.toLowerCase(),
        started_at: started_at.toISOString(),
        finished_at: closed_at?.toISOString() ?? null,
        developer,
        target_repo,
      },
    );
  }
  // A server forgets runs after its retention; the store does not.
  const older = await publishedRuns(store, limit - lines.length, new Set(lines.map(({ run_id }) => run_id)));
  return [...lines, ...older].sort((a, b) => (a.started_at < b.started_at ? 1 : -1));
}

async function publishedRuns(
  store: ArtifactStore,
  limit: number,
  known: ReadonlySet<string>,
): Promise<readonly RunLine[]> {
  const wanted = (await store.list()).filter(({ run_id }) => !known.has(run_id)).slice(0, limit);
  const lines = await Promise.all(wanted.map(({ run_id }) => publishedLine(store, run_id)));
  return lines.filter((line) => line !== null);
}

/** Null when the run is not published; one whose record is damaged is named all the same. */
async function publishedLine(store: ArtifactStore, runId: string): Promise<RunLine | null> {
  if ((await store.published(runId).catch(() => [])) === null) return null;
  const unknown = { run_id: runId, state: 'unreadable', started_at: '', finished_at: null, developer: '?' };
  return readPublishedRun(store, runId).then(
    ({ record: { outcome, started_at, finished_at, developer, target_repo } }) => ({
      ...{ run_id: runId, state: outcome, started_at, finished_at, developer, target_repo },
    }),
    () => ({ ...unknown, target_repo: '?' }),
  );
}
