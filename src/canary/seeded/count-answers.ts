import type { PromptPackBundle } from '../../contracts/prompt-pack.js';
import { loadPack } from '../../prompt-pack/load.js';
import type { AskedGate, SeededAnswer } from './ask-seeded.js';

/** What an executor is worth at one gate, with one version of its prompt. */
export interface GateCount {
  readonly prompt: { readonly prompt_id: string; readonly version: string; readonly sha256: string };
  readonly model: { readonly requested: string | null; readonly served: readonly string[] };
  /** Changes with a bug: how many were asked about, and what came of them. */
  readonly bugs: {
    readonly n: number;
    readonly caught: number;
    readonly missed: number;
    readonly no_answer: number;
  };
  /** The same changes without the bug. */
  readonly honest: {
    readonly n: number;
    readonly false_alarms: number;
    readonly passed: number;
    readonly no_answer: number;
  };
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

/** Counts the answers at one gate. */
export function countAnswers(
  pack: PromptPackBundle,
  gate: AskedGate,
  requested: string | null,
  all: readonly SeededAnswer[],
): GateCount {
  const answers = all.filter((answer) => answer.gate === gate);
  const of = (seeded: boolean, ...outcomes: readonly SeededAnswer['outcome'][]): number =>
    answers.filter((answer) => answer.seeded === seeded && outcomes.includes(answer.outcome)).length;
  const given = answers.filter(({ outcome }) => outcome !== 'unanswered');
  const valid = given.filter(({ valid_at_first }) => valid_at_first).length;
  const { prompt_id, version, sha256 } = loadPack(pack).prompts[gate];
  const served = answers.flatMap(({ served_model }) => served_model ?? []);
  return {
    prompt: { prompt_id, version, sha256 },
    model: { requested, served: [...new Set(served)].sort() },
    bugs: {
      n: answers.filter(({ seeded }) => seeded).length,
      caught: of(true, 'objected'),
      missed: of(true, 'passed'),
      no_answer: of(true, 'unusable', 'unanswered'),
    },
    honest: {
      n: answers.filter(({ seeded }) => !seeded).length,
      false_alarms: of(false, 'objected'),
      passed: of(false, 'passed'),
      no_answer: of(false, 'unusable', 'unanswered'),
    },
    structured: { n: given.length, valid_at_first: valid, rate: given.length === 0 ? null : valid / given.length },
    tries: answers.reduce((sum, { tries }) => sum + tries, 0),
    tokens: sumOrNull(answers.map(({ tokens }) => tokens)),
    cost_usd: sumOrNull(answers.map(({ cost_usd }) => cost_usd)),
    duration_ms: answers.reduce((sum, { duration_ms }) => sum + duration_ms, 0),
  };
}
