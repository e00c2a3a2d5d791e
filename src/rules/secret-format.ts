import { isPlaceholder, looksGenerated, type SecretConfidence } from './secret-values.js';

/** One kind of credential. */
export interface SecretFormat {
  /** Stable: part of fingerprints. */
  readonly id: string;
  /** What a person reads, with its article. */
  readonly title: string;
  /** Lower case. The pattern is tried only on a text that has one of them. */
  readonly keywords: readonly string[];
  /** Every quantifier is bounded or has nothing after it that could fail, so that the scan is linear in the text. */
  readonly pattern: RegExp;
  /** What to make of a match; the value is the first group, or the whole match. Null takes it back. */
  judge(value: string, match: string): SecretConfidence | null;
}

/** A format that nothing else has: known unless it is a placeholder. */
export const distinct = (value: string): SecretConfidence | null => (isPlaceholder(value) ? null : 'known');

/** A format that other things have too: only a person can tell. */
export const ambiguous = (value: string): SecretConfidence | null => (isPlaceholder(value) ? null : 'candidate');

/** Free text in the place of a credential, such as the password of a URL: known when it was generated. */
export function byStrength(value: string): SecretConfidence | null {
  if (isPlaceholder(value) || WEAK_WORDS.test(value)) return null;
  return value.length >= 12 && looksGenerated(value) ? 'known' : 'candidate';
}

const WEAK_WORDS =
  /^(?:pass(?:word|wd|wort|e)?|pwd|pw|pass?\d{0,4}|secret|token|test(?:ing|er|pass|password)?\d{0,4}|user(?:name)?|admin|root|guest|postgres|mysql|redis|rabbitmq|mongo|sa|demo|dev|local|qwerty|letmein|hunter2?|foo|bar|baz|abc\d{0,4}|key|string|none|null|undefined|true|false|api_?key|p|x{1,8}|\d{1,4}|[$%{<:@].*|process\.env.*|os\.environ.*|.{0,3})$/i;

/** Makes the rows of a table. */
export const formats = (
  rows: readonly (readonly [
    id: string,
    title: string,
    keywords: string,
    pattern: RegExp,
    judge?: SecretFormat['judge'],
  ])[],
): readonly SecretFormat[] =>
  rows.map(([id, title, keywords, pattern, judge = distinct]) => ({
    id,
    title,
    keywords: keywords.split(' '),
    pattern,
    judge,
  }));
