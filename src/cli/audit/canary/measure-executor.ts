import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { findProgram } from '../../../adapters/platform/find-program.js';
import { createLauncher } from '../../../adapters/platform/launcher.js';
import { createCanaryRuns } from '../../../canary/canary-run.js';
import {
  askSeeded,
  countAnswers,
  type GateCount,
  JUDGING_GATES,
  type SeededAnswer,
} from '../../../canary/seeded/ask-seeded.js';
import { GO_BUGS } from '../../../canary/seeded/go-bugs.js';
import { JAVASCRIPT_BUGS } from '../../../canary/seeded/javascript-bugs.js';
import { PYTHON_BUGS } from '../../../canary/seeded/python-bugs.js';
import { type AskedGate, BUG_CLASSES, type BugLanguage, type SeededBug } from '../../../canary/seeded/seeded-bug.js';
import { RUNTIMES, SEEDED_FILES, seededPolicy } from '../../../canary/seeded/seeded-project.js';
import { messageOf, PromptOsError, writeFailure } from '../../../contracts/errors.js';
import { own, prettyJson } from '../../../contracts/json.js';
import type { ExecutorParameters } from '../../../contracts/run/agent-work.js';
import { counted } from '../../../contracts/sentences.js';
import { openExecutors } from '../../../worker.js';
import type { CommandContext } from '../../app/context.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { findProject, requireSetting } from '../../app/project.js';
import { requireStarted } from '../../app/started-executor.js';
import { withCanaryGround } from './run-canaries.js';

/** One bug of each class in each language. */
export const SEEDED_BUGS: readonly SeededBug[] = [...JAVASCRIPT_BUGS, ...PYTHON_BUGS, ...GO_BUGS];

export interface MeasureOptions {
  readonly executor: string;
  readonly workerConfig?: string;
  readonly class?: string;
  readonly language?: BugLanguage;
  readonly gate?: readonly AskedGate[];
  readonly repeat?: number;
  readonly report?: string;
}

/**
 * Asks an executor about changes with seeded bugs and without them, and reports what it caught.
 * @throws PromptOsError USAGE, WORKER_CONFIG_NOT_FOUND, EXECUTOR_NOT_CONFIGURED, SANDBOX_UNAVAILABLE, and what calls of the
 * executor throw
 */
export async function measureExecutor(context: CommandContext, options: MeasureOptions): Promise<void> {
  const output = context.output();
  const chosen = chosenBugs(options);
  const { setting } = await requireSetting(await findProject(context, undefined, options.workerConfig));
  const { executor: name, gate: gates = JUDGING_GATES, repeat: times = 1 } = options;
  const config = { ...setting.config, executors: { [name]: requireStarted(setting, name) } };
  const { bugs, skipped } = await withRuntime(chosen, context.env.PATH);
  const launcher = createLauncher(context.env.PATH);
  try {
    const executor = (await openExecutors({ ...setting, config }, launcher)).executors.forPrincipal(name);
    const project = { files: SEEDED_FILES, policy: seededPolicy };
    const report = await withCanaryGround(context, project, async ({ ground }): Promise<ExecutorReport> => {
      const runs = createCanaryRuns(ground);
      const answers: SeededAnswer[] = [];
      let parameters: ExecutorParameters | null = null;
      const asked_at = new Date().toISOString();
      const questions = [...new Set(gates)].flatMap((gate) =>
        bugs.flatMap((bug) =>
          // At the other gates there is no change yet, and so no bug.
          (JUDGING_GATES.includes(gate) ? [true, false] : [false]).map((seeded) => ({ bug, seeded, gate, times })),
        ),
      );
      const requested = executor.descriptor.requested_model;
      const reported = (): ExecutorReport => ({
        schema_version: 1,
        asked_at,
        executor: name,
        parameters,
        prompt_pack_sha256: ground.pack.digest,
        questions: questions.length * times,
        gates: Object.fromEntries(
          [...new Set(gates)].map((gate) => [gate, countAnswers(ground.pack, gate, requested, answers)]),
        ),
        skipped,
        answers,
      });
      const heard = async (answer: SeededAnswer, configured?: ExecutorParameters): Promise<void> => {
        answers.push(answer);
        parameters ??= configured ?? null;
        output.live([`asked ${answers.length} of ${questions.length * times}`]);
        // Answers cost money and hours: those that came are kept where a later one ends the command.
        if (options.report !== undefined) await writeReport(resolve(context.cwd, options.report), reported());
      };
      for (const question of questions) await askSeeded(runs, executor, question, heard);
      return reported();
    });
    showMeasure(output, report);
    output.emit(report);
  } finally {
    await launcher.close();
  }
}

function chosenBugs({ class: wanted, language }: MeasureOptions): readonly SeededBug[] {
  if (wanted !== undefined && !BUG_CLASSES.some((one) => one === wanted)) {
    throw new PromptOsError('USAGE', `--class: there is no class "${wanted}" of seeded bugs.`, {
      hint: `Name one of: ${BUG_CLASSES.join(', ')}.`,
    });
  }
  return SEEDED_BUGS.filter(
    (bug) => (wanted ?? bug.class) === bug.class && (language ?? bug.language) === bug.language,
  );
}

/** The bugs whose tests can be run here, and why the others cannot. */
async function withRuntime(bugs: readonly SeededBug[], path: string | undefined) {
  const languages = [...new Set(bugs.map(({ language }) => language))];
  const missing: Partial<Record<BugLanguage, string>> = {};
  for (const language of languages) {
    const program = RUNTIMES[language];
    if (findProgram(program, path) === null) missing[language] = `there is no program ${program}`;
  }
  const found = bugs.filter(({ language }) => own(missing, language) === undefined);
  if (found.length > 0) return { bugs: found, skipped: missing };
  throw new PromptOsError('USAGE', 'None of the bugs can be planted: the programs that run their tests are missing.', {
    hint: `Install one of: ${languages.map((language) => RUNTIMES[language]).join(', ')}.`,
  });
}

async function writeReport(path: string, report: ExecutorReport): Promise<void> {
  await writeFile(path, prettyJson(report)).catch((error: unknown) => {
    throw writeFailure(`${path}: cannot be written (${messageOf(error)}).`, error);
  });
}

/** What `--report` writes and `--json` prints. */
export interface ExecutorReport {
  readonly schema_version: 1;
  readonly asked_at: string;
  readonly executor: string;
  /** What the executor was configured with, as it says; null where it does not say. */
  readonly parameters: ExecutorParameters | null;
  readonly prompt_pack_sha256: string;
  /** How many answers were asked for; a command that was ended early has fewer. */
  readonly questions: number;
  readonly gates: Readonly<Partial<Record<AskedGate, GateCount>>>;
  /** Languages whose bugs were not planted, with the reason. */
  readonly skipped: Readonly<Partial<Record<BugLanguage, string>>>;
  readonly answers: readonly SeededAnswer[];
}

const SHOWN = {
  objected: { seeded: 'caught', honest: 'FALSE ALARM' },
  passed: { seeded: 'MISSED', honest: 'passed' },
  unusable: { seeded: 'NO ANSWER', honest: 'NO ANSWER' },
  unanswered: { seeded: 'NO ANSWER', honest: 'NO ANSWER' },
} as const;

const of = (some: number, all: number): string => `${some}/${all}`;

/** Shows each answer, then what they come to at each gate. */
function showMeasure(output: Output, { executor, gates, skipped, answers }: ExecutorReport): void {
  if (output.json) return;
  const names = Math.max(...answers.map(({ name }) => name.length));
  for (const { name, gate, seeded, outcome, reason } of answers) {
    const shown = SHOWN[outcome][seeded ? 'seeded' : 'honest'];
    const why = reason === null ? '' : `  ${printableLine(reason)}`;
    output.say(`${shown.padEnd(11)}  ${gate}  ${name.padEnd(names)}  ${seeded ? 'bug   ' : 'honest'}${why}`.trimEnd());
  }
  for (const [language, why] of Object.entries(skipped)) output.say(`skipped      the bugs in ${language}: ${why}`);
  for (const [gate, count] of Object.entries(gates)) {
    const { prompt, model, bugs, honest, structured, tries, tokens, cost_usd } = count;
    const served =
      model.served.length === 0 ? 'an unknown model' : model.served.map((name) => printableLine(name)).join(', ');
    const asked = model.requested === null ? '' : ` (asked for ${printableLine(model.requested)})`;
    output.say(`${gate} ${prompt.version} by ${printableLine(executor)}, served by ${served}${asked}`);
    if (bugs.n > 0) {
      output.say(`  bugs caught ${of(bugs.caught, bugs.n)}, false alarms ${of(honest.false_alarms, honest.n)}`);
      for (const parts of [count.by_language, count.by_class]) {
        const shares = Object.entries(parts).map(([part, { bugs: own }]) => `${part} ${of(own.caught, own.n)}`);
        if (shares.length > 1) output.say(`  caught: ${shares.join(', ')}`);
      }
    }
    const cost = cost_usd === null ? 'cost unknown' : `$${cost_usd}`;
    const used = tokens === null ? 'tokens unknown' : counted(tokens, 'token');
    output.say(
      `  valid at the first try ${of(structured.valid_at_first, structured.n)}; ${counted(tries, 'try')}, ${used}, ${cost}`,
    );
  }
}
