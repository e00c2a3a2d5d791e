import { sha256Hex } from '../contracts/digest.js';
import { PromptOsError } from '../contracts/errors.js';
import { canonicalSha256 } from '../contracts/json.js';
import type { GovernedRunInput } from '../contracts/run-plan.js';
import type { CommandContext } from './context.js';
import type { Choice } from './decision-questions.js';
import { openRuns, type StartedRun } from './latest-run.js';
import type { PreparedRun } from './prepare-run.js';
import { printableLine } from './printable.js';
import { programFor } from './program-for.js';
import { describeSelected, type LiveSources } from './selected-run.js';
import { terminalQuestions } from './terminal-questions.js';

/** Runs of one request that a question offers. */
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
