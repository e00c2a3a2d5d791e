import { PromptOsError } from '../../contracts/errors.js';
import { GATE_IDS } from '../../contracts/names.js';
import type { PromptPackBundle } from '../../contracts/prompt-pack.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { ExecutorParameters } from '../../contracts/run/agent-work.js';
import type { GateExecutor } from '../../ports/gate-executor.js';
import { loadPack } from '../../prompt-pack/load.js';
import { spentByAttempt } from '../../rules/attempts/spent.js';
import { clipText } from '../../rules/outputs/judged-output.js';
import type { CanaryRuns } from '../canary-run.js';
import type { AskedGate, SeededBug } from './seeded-bug.js';
import { seededScript } from './seeded-project.js';

/** Those that judge the change. At the others no bug is planted: the form of the answer alone counts. */
export const JUDGING_GATES: readonly AskedGate[] = ['P06', 'P07'];

/** Rules by which the judgement of a verifier and a reviewer becomes findings. */
const JUDGEMENTS: readonly string[] = ['verifier', 'review'];

/** What an executor made of one change at one gate. */
export interface SeededAnswer {
  readonly name: string;
  readonly class: SeededBug['class'];
  readonly language: SeededBug['language'];
  readonly gate: AskedGate;
  /** Whether the change had the bug. */
  readonly seeded: boolean;
  /**
   * `objected`: it failed the change or escalated; `passed`: it did not; `unusable`: no try gave a valid answer;
   * `unanswered`: its provider could not answer.
   */
  readonly outcome: 'objected' | 'passed' | 'unusable' | 'unanswered';
  /** Why it objected, or gave no answer; null for one that passed. */
  readonly reason: string | null;
  readonly tries: number;
  /** Whether the first try gave a valid answer. */
  readonly valid_at_first: boolean;
  /** What was wrong with the answers that were not valid. */
  readonly problems: readonly string[];
  readonly served_model: string | null;
  readonly tokens: number | null;
  readonly cost_usd: number | null;
  readonly duration_ms: number;
}

type Judged = Pick<SeededAnswer, 'outcome' | 'reason'>;

function judged({ tries, reason, escalation, verdict, findings }: AttemptRecord): Judged {
  if (tries.at(-1)?.problem != null) return { outcome: 'unusable', reason };
  if (verdict === 'blocked') return { outcome: 'objected', reason: escalation?.issue ?? reason };
  const against = findings.find(({ rule, blocking }) => blocking && JUDGEMENTS.includes(rule));
  return against === undefined
    ? { outcome: 'passed', reason: null }
    : { outcome: 'objected', reason: clipText(against.message, 300) };
}

/**
 * The tests of a change pass with its bug too. Where they do not, a verifier that objects has read their result, and no code.
 * @throws PromptOsError USAGE
 */
function requireRunTests({ name, language }: SeededBug, { findings }: Pick<AttemptRecord, 'findings'>): void {
  const failed = findings.find(({ rule }) => rule === 'checks');
  if (failed === undefined) return;
  throw new PromptOsError('USAGE', `The tests of the change "${name}" do not pass here: ${failed.message}`, {
    hint: `Correct what keeps the tests from passing, or leave ${language} out with --language.`,
  });
}

const UNANSWERED = {
  outcome: 'unanswered',
  tries: 0,
  valid_at_first: false,
  problems: [],
  served_model: null,
} as const;

/**
 * Asks an executor at a gate of a run in which all other parties are scripted and honest, but for the bug.
 * @param times how often; each is an attempt of its own
 * @param heard given each answer, and what the executor was configured with where it says so
 * @throws PromptOsError what calls of the executor throw, but for an overload; USAGE where the tests of the change cannot be run;
 *   INTERNAL where the change does not reach the gate
 */
export async function askSeeded(
  runs: CanaryRuns,
  executor: GateExecutor,
  { bug, seeded, gate, times }: { bug: SeededBug; seeded: boolean; gate: AskedGate; times: number },
  heard: (answer: SeededAnswer, parameters?: ExecutorParameters) => Promise<void>,
): Promise<void> {
  const script = seededScript(bug, seeded);
  const run = await runs.start(`${bug.name}-${seeded ? 'seeded' : 'honest'}-${gate.toLowerCase()}`, script.request);
  const gates = GATE_IDS.slice(0, GATE_IDS.indexOf(gate));
  const before = gates.length === 0 ? null : await runs.carryOut(run, 1, gates, script, {});
  if (before !== null) requireRunTests(bug, await runs.record(before.result.output_sha256));
  if (before !== null && before.result.verdict !== 'pass') {
    const why = before.result.reason ?? before.result.findings.map(({ rule }) => rule).join(', ');
    throw new PromptOsError('INTERNAL', `The change "${bug.name}" did not pass ${before.gate}: ${why}`);
  }
  for (let attempt = 2; attempt < times + 2; attempt += 1) {
    const about = { name: bug.name, class: bug.class, language: bug.language, gate, seeded };
    const startedAt = performance.now();
    try {
      const asked = { gate, executor };
      const { result } = await runs.carryOut(run, attempt, [gate], script, before?.inputs ?? {}, asked);
      const record = await runs.record(result.output_sha256);
      requireRunTests(bug, record);
      const { tokens, cost_usd, tokens_unknown, cost_unknown, wall_ms } = spentByAttempt(record);
      const answer = {
        ...about,
        ...judged(record),
        tries: record.tries.length,
        valid_at_first: record.tries[0]?.problem === null,
        problems: record.tries.flatMap(({ problem }) => (problem === null ? [] : [clipText(problem, 300)])),
        served_model: record.executor.served_model,
        tokens: tokens_unknown > 0 ? null : tokens,
        cost_usd: cost_unknown > 0 ? null : cost_usd,
        duration_ms: wall_ms,
      };
      await heard(answer, record.tries[0]?.parameters);
    } catch (error) {
      if (!(error instanceof PromptOsError) || error.code !== 'EXECUTOR_OVERLOADED') throw error;
      const duration_ms = Math.round(performance.now() - startedAt);
      await heard({ ...about, ...UNANSWERED, reason: error.summary, tokens: null, cost_usd: null, duration_ms });
    }
  }
}

/** What came of changes with a bug. */
interface BugCount {
  readonly n: number;
  readonly caught: number;
  readonly missed: number;
  readonly no_answer: number;
  /** Caught, of those that had an answer. */
  readonly rate: number | null;
}

/** What came of the same changes without the bug. */
interface HonestCount {
  readonly n: number;
  readonly false_alarms: number;
  readonly passed: number;
  readonly no_answer: number;
  /** False alarms, of those that had an answer. */
  readonly rate: number | null;
}

interface BothCounts {
  readonly bugs: BugCount;
  readonly honest: HonestCount;
}

/** What an executor is worth at one gate, with one version of its prompt. */
export interface GateCount {
  readonly prompt: { readonly prompt_id: string; readonly version: string; readonly sha256: string };
  readonly model: { readonly requested: string | null; readonly served: readonly string[] };
  readonly bugs: BugCount;
  readonly honest: HonestCount;
  readonly by_class: Readonly<Record<string, BothCounts>>;
  readonly by_language: Readonly<Record<string, BothCounts>>;
  /** Answers that were valid at the first try, of all that the provider gave. */
  readonly structured: { readonly n: number; readonly valid_at_first: number; readonly rate: number | null };
  readonly tries: number;
  /** Sums; null where an answer's figure is unknown. */
  readonly tokens: number | null;
  readonly cost_usd: number | null;
  readonly duration_ms: number;
}

const sumOrNull = (figures: readonly (number | null)[]): number | null =>
  figures.some((figure) => figure === null) ? null : figures.reduce<number>((sum, figure) => sum + (figure ?? 0), 0);

const rate = (some: number, all: number): number | null => (all === 0 ? null : some / all);

function bothCounts(answers: readonly SeededAnswer[]): BothCounts {
  const of = (seeded: boolean, ...outcomes: readonly SeededAnswer['outcome'][]): number =>
    answers.filter((answer) => answer.seeded === seeded && outcomes.includes(answer.outcome)).length;
  const count = (seeded: boolean) => {
    const [objected, passed] = [of(seeded, 'objected'), of(seeded, 'passed')];
    const no_answer = of(seeded, 'unusable', 'unanswered');
    return { objected, passed, rest: { no_answer, rate: rate(objected, objected + passed) } };
  };
  const [bugs, honest] = [count(true), count(false)];
  const n = (seeded: boolean): number => answers.filter((answer) => answer.seeded === seeded).length;
  return {
    bugs: { n: n(true), caught: bugs.objected, missed: bugs.passed, ...bugs.rest },
    honest: { n: n(false), false_alarms: honest.objected, passed: honest.passed, ...honest.rest },
  };
}

const countedBy = (answers: readonly SeededAnswer[], kind: 'class' | 'language'): Record<string, BothCounts> =>
  Object.fromEntries(
    [...new Set(answers.map((answer) => answer[kind]))].map((one) => [
      one,
      bothCounts(answers.filter((answer) => answer[kind] === one)),
    ]),
  );

/** Counts the answers at one gate. */
export function countAnswers(
  pack: PromptPackBundle,
  gate: AskedGate,
  requested: string | null,
  all: readonly SeededAnswer[],
): GateCount {
  const answers = all.filter((answer) => answer.gate === gate);
  const given = answers.filter(({ outcome }) => outcome !== 'unanswered');
  const valid = given.filter(({ valid_at_first }) => valid_at_first).length;
  const { prompt_id, version, sha256 } = loadPack(pack).prompts[gate];
  const served = answers.flatMap(({ served_model }) => served_model ?? []);
  return {
    prompt: { prompt_id, version, sha256 },
    model: { requested, served: [...new Set(served)].sort() },
    ...bothCounts(answers),
    by_class: countedBy(answers, 'class'),
    by_language: countedBy(answers, 'language'),
    structured: { n: given.length, valid_at_first: valid, rate: rate(valid, given.length) },
    tries: answers.reduce((sum, { tries }) => sum + tries, 0),
    tokens: sumOrNull(answers.map(({ tokens }) => tokens)),
    cost_usd: sumOrNull(answers.map(({ cost_usd }) => cost_usd)),
    duration_ms: answers.reduce((sum, { duration_ms }) => sum + duration_ms, 0),
  };
}
