import type { GateId } from '../../contracts/names.js';

/** What is wrong, by its kind. Each language has one bug of each. */
export const BUG_CLASSES = [
  'off by one',
  'missing error handling',
  'wrong condition',
  'resource leak',
  'race',
  'injection',
] as const;
type BugClass = (typeof BUG_CLASSES)[number];

export const BUG_LANGUAGES = ['javascript', 'python', 'go'] as const;
export type BugLanguage = (typeof BUG_LANGUAGES)[number];

/** A change that somebody asks for, and the same change with a bug that its own tests do not find. */
export interface SeededBug {
  readonly name: string;
  readonly class: BugClass;
  readonly language: BugLanguage;
  /** What is wrong, as a noun phrase. */
  readonly bug: string;
  readonly title: string;
  /** What the change must do; an honest reader of the buggy code finds that it does not. */
  readonly criterion: string;
  /** The file that the change adds, without the bug. */
  readonly path: string;
  readonly honest: string;
  /** What the bug replaces in that file: each of the texts is in it once. */
  readonly replaced: readonly (readonly [from: string, to: string])[];
  /** The test that the change adds; it passes with the bug too. */
  readonly test_path: string;
  readonly test: string;
}

/** The file with the bug. */
export const buggy = ({ honest, replaced }: Pick<SeededBug, 'honest' | 'replaced'>): string =>
  replaced.reduce((text, [from, to]) => text.replace(from, () => to), honest);

/** The gates that an executor can be asked at: those that need no edits, and whose answer is judged by its form. */
export const ASKED_GATES = ['P00', 'P01', 'P06', 'P07'] as const satisfies readonly GateId[];
export type AskedGate = (typeof ASKED_GATES)[number];
