import type { FrontMatterProblemCode } from './front-matter.js';

/** What the linter can find. Stable: people filter by it. */
export type LintCode =
  | FrontMatterProblemCode
  | 'ABSOLUTE_PATH'
  | 'ALLOWANCE_UNUSED'
  | 'BODY_EMPTY'
  | 'DATA_MARKER'
  | 'FILE_MISSING'
  | 'FILE_UNLISTED'
  | 'GATE_MISMATCH'
  | 'INDEX_INVALID'
  | 'INDEX_MALFORMED'
  | 'INDEX_MISMATCH'
  | 'INDEX_MISSING'
  | 'LOCK_INVALID'
  | 'LOCK_MALFORMED'
  | 'LOCK_MISMATCH'
  | 'LOCK_MISSING'
  | 'PATH_DUPLICATE'
  | 'PROMPT_DUPLICATE'
  | 'PROMPT_MISSING'
  | 'SECRET';

export interface LintFinding {
  /** A pack with an error does not pass; a warning is only told. */
  readonly severity: 'error' | 'warning';
  readonly code: LintCode;
  /** Relative to the pack's folder. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface LintResult {
  readonly passed: boolean;
  readonly findings: readonly LintFinding[];
}
