import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalSha256 } from '../../contracts/json.js';
import type { GovernedRunInput } from '../../contracts/run/run-plan.js';
import type { RunRequest } from '../../contracts/run/run-request.js';
import type { CommandContext } from '../app/context.js';
import { LATEST } from '../app/options.js';
import { printableLine } from '../app/printable.js';
import { findProject, programFor, requireSetting } from '../app/project.js';
import { type Choice, terminalQuestions } from '../app/questions.js';
import { describeSelected, type LiveSources, openRuns, type StartedRun, selectRun } from '../app/select-run.js';
import { findTarget, nameRepository, type PreparedRun, type RunOptions, type RunPlace } from './prepare-run.js';

const OFFERED = 5;
const START_NEW = 'new';

/**
 * Looks for runs of this repository with the same request that have not ended. In a terminal the person chooses one, or a
 * new run.
 * @returns the run to carry on with; null to start the prepared one
 * @throws PromptOsError RUN_OPEN without a terminal
 */
export async function findOpenRun(
  context: CommandContext,
  prepared: PreparedRun,
  sources: LiveSources,
): Promise<string | null> {
  const open = await openRuns(sources, canonicalSha256(prepared.start.request));
  if (open.length === 0) return null;
  const offered = await Promise.all(open.slice(0, OFFERED).map((run) => describeOpenRun(run, prepared, sources)));
  const output = context.output();
  if (!output.interactive) throw await refusal(context, prepared, open, offered);
  output.say(
    open.length === 1 ? 'A run of this request has not ended.' : `${open.length} runs of this request have not ended.`,
  );
  const choices: Choice<string>[] = [
    ...open.slice(0, OFFERED).map(({ run_id }, index) => ({
      value: run_id,
      label: `carry on with ${run_id}`,
      hint: offered[index] ?? '',
    })),
    { value: START_NEW, label: 'start another run of the same request' },
  ];
  const chosen = await terminalQuestions.choose('What is meant?', choices, open[0]?.run_id);
  return chosen === null || chosen === START_NEW ? null : chosen;
}

/** When and by whom an open run was started, and what a new one would have otherwise. */
async function describeOpenRun(
  { run_id, started_at }: StartedRun,
  { start }: PreparedRun,
  { runs }: LiveSources,
): Promise<string> {
  const { input } = await runs.recorded(run_id);
  const differs = differencesOf(input, start);
  const other = differs.length === 0 ? '' : `, with another ${differs.join(', another ')}`;
  return `started by ${printableLine(input.developer, 60)} at ${started_at.toISOString()}${other}`;
}

function differencesOf(input: GovernedRunInput, start: PreparedRun['start']): readonly string[] {
  const compared: readonly (readonly [what: string, same: boolean])[] = [
    ['base commit', input.base_commit === start.baseCommit],
    ['selection of gates', input.gates.join() === start.gates.join()],
    ['policy', input.policy_sha256 === sha256Hex(start.policy)],
  ];
  return compared.filter(([, same]) => !same).map(([what]) => what);
}

async function refusal(
  context: CommandContext,
  { project }: PreparedRun,
  open: readonly StartedRun[],
  offered: readonly string[],
): Promise<PromptOsError> {
  const lines = open.slice(0, OFFERED).map((run, index) => `\n  ${describeSelected(run)}, ${offered[index]}`);
  const summary =
    open.length === 1
      ? 'A run of the same request has not ended, and there is no terminal to ask on:'
      : `${open.length} runs of the same request have not ended, and there is no terminal to ask on:`;
  const resume = `${await programFor(context, project)} dev --resume ${open[0]?.run_id}`;
  return new PromptOsError('RUN_OPEN', `${summary}${lines.join('')}`, {
    hint: `Carry on: \`${resume}\`. Start another run: add --new.`,
  });
}

/** The project that a run of a repository is carried on in. @throws PromptOsError WORKER_CONFIG_NOT_FOUND */
export async function resumePlace(
  context: CommandContext,
  options: Pick<RunOptions, 'targetRepo' | 'workerConfig'>,
): Promise<RunPlace> {
  const target = await findTarget(context, options);
  const project = await findProject(context, target, options.workerConfig);
  const { setting } = await requireSetting(project);
  const { config } = await nameRepository(setting.config, { folder: target, env: context.env });
  return { project, setting: { ...setting, config } };
}

export type SelectOpenRun = (sources: LiveSources) => Promise<string>;

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
