import type { LongPatch } from '../contracts/record/long-patch.js';

/** A likely secret. Never carries the secret itself. */
export interface SecretHit {
  /** The scanner's rule, such as `@secretlint/secretlint-rule-aws`. */
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
  /** `candidate`: only a person can tell whether it is a credential. */
  readonly confidence: 'known' | 'candidate';
}

/** Looks for credentials in text. */
export interface SecretScanner {
  scan(files: readonly { readonly path: string; readonly text: string }[]): Promise<readonly SecretHit[]>;
  /**
   * The same for what a long change adds, as `addedTexts` has it, out of this process's memory. Without it, all of the change is
   * read into memory.
   */
  scanLong?(change: LongPatch, signal: AbortSignal): Promise<readonly SecretHit[]>;
}
