import type { PromptPackBundle } from '../../contracts/prompt-pack.js';
import { loadPack } from '../../prompt-pack/load.js';
import type { AskedGate, SeededAnswer } from './ask-seeded.js';

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
