import { PromptOsError } from '../contracts/errors.js';
import { canonicalSha256 } from '../contracts/json.js';
import type { RunRequest } from '../contracts/run-request.js';
import type { CommandContext } from './context.js';
import { openRuns } from './latest-run.js';
import { findTarget, nameRepository, type RunOptions } from './prepare-run.js';
import { findProject, readSetting } from './project.js';
import type { RunPlace } from './run-place.js';
import { LATEST, selectRun } from './select-run.js';
import { describeSelected, type LiveSources } from './selected-run.js';
import type { SelectOpenRun } from './start-run.js';

/** The project that a run of a repository is carried on in. @throws PromptOsError WORKER_CONFIG_NOT_FOUND */
export async function resumePlace(
  context: CommandContext,
  options: Pick<RunOptions, 'targetRepo' | 'workerConfig'>,
): Promise<RunPlace> {
  const target = await findTarget(context, options);
  const project = await findProject(context, target, options.workerConfig);
  if (project.workerConfigPath === null) {
    throw new PromptOsError('WORKER_CONFIG_NOT_FOUND', `There is no ${project.files.workerConfig}.`);
  }
  const read = await readSetting(project);
  const { config } = await nameRepository(read.config, target);
  return { project, setting: { ...read, config } };
}

/**
 * Selects the run that `--resume` means.
 * @param given a run as every command takes it; true for the only one that has not ended
 * @param request narrows the runs to those of one request
 */
export function selectResumed(given: string | true, request: RunRequest | null): SelectOpenRun {
  const wanted = request === null ? undefined : canonicalSha256(request);
  return given === true || given === LATEST
    ? (sources) => onlyOpenRun(sources, wanted, given === LATEST)
    : (sources) => namedOpenRun(given, sources, wanted);
}

/** @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS */
async function onlyOpenRun(sources: LiveSources, wanted: string | undefined, newest: boolean): Promise<string> {
  const open = await openRuns(sources, wanted);
  const what = `${sources.here.what}${wanted === undefined ? '' : ' with this request'}`;
  const [first, ...others] = open;
  if (first === undefined) {
    throw new PromptOsError('RUN_NOT_FOUND', `Every run of ${what} has ended.`, {
      hint: 'Leave --resume out to start a run.',
    });
  }
  if (newest || others.length === 0) return first.run_id;
  const lines = open.map((run) => `\n  ${describeSelected(run)}, started at ${run.started_at.toISOString()}`);
  throw new PromptOsError('RUN_AMBIGUOUS', `${open.length} runs of ${what} have not ended:${lines.join('')}`, {
    hint: 'Name the one that is meant: --resume RUN.',
  });
}

/** @throws PromptOsError RUN_CLOSED, RUN_NOT_FOUND, RUN_AMBIGUOUS, USAGE */
async function namedOpenRun(given: string, sources: LiveSources, wanted: string | undefined): Promise<string> {
  const { run_id } = await selectRun(given, sources);
  const closed = () =>
    new PromptOsError('RUN_CLOSED', `Run ${run_id} has ended.`, { hint: 'Start a new one without --resume.' });
  if ((await sources.store.published(run_id)) !== null) throw closed();
  const run = await sources.runs.describe(run_id);
  if (run.closed_at !== null) throw closed();
  if (!(await sources.here.owns(run))) {
    throw new PromptOsError('RUN_NOT_FOUND', `Run ${describeSelected(run)} is no run of ${sources.here.what}.`, {
      hint: 'Resume it in its own repository: --target-repo, or `promptos -C DIR dev --resume RUN`.',
    });
  }
  if (wanted !== undefined && run.request_sha256 !== wanted) {
    throw new PromptOsError('USAGE', `Run ${run_id} carries out another request than the one given.`, {
      hint: 'Leave --notes and --request out, or leave --resume out to start a run.',
    });
  }
  return run_id;
}
