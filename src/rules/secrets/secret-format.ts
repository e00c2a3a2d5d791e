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

/** A credential that no letter or digit comes directly before. */
export const word = ({ source }: RegExp): RegExp => new RegExp(`(?<![A-Za-z0-9])(?:${source})`, 'g');

/** One with neither before nor behind it. */
export const whole = ({ source }: RegExp): RegExp => word(new RegExp(`(?:${source})(?![A-Za-z0-9])`));

export const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** A value of no form of its own, known by the name that it is given to: `HEROKU_API_KEY=…`. */
export const assigned = (name: string, value: string): RegExp =>
  new RegExp(`${name}[\\w .-]{0,30}["']?\\s{0,4}[:=]\\s{0,4}["']?${value}`, 'gi');

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

/**
 * How sure a hit is. `known`: a format that only a credential has. `candidate`: a value that may be one, such as a
 * generated text beside the word `token`; a person can tell.
 */
export type SecretConfidence = 'known' | 'candidate';

const PLACEHOLDER =
  /example|sample|change-?_?me|place-?_?holder|redacted|dummy|fixture|fake|not-?_?a-?_?real|your[-_]|my[-_]|xxxx|\*\*\*|\.\.\.|\$\{|\$\(|\{\{|%[A-Za-z_]{1,80}%|<[A-Za-z_ -]{1,80}>|^\$[A-Za-z_]{1,80}$|\[masked:|foobar|123456789_?(?:0?abc|x)|abcdef0123|0123456789abcdef|abcdefgh|insert_|todo/i;

/** Bits of one character: random base-62 text of 16 characters has some 3.6; words and repetition stay below 3.2. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** A placeholder, or a value that a document shows: no credential. Long values are judged by their start. */
export function isPlaceholder(value: string): boolean {
  const start = value.slice(0, 400);
  return PLACEHOLDER.test(start) || /(.)\1{5}/.test(start) || new Set(start).size < Math.min(6, start.length / 2);
}

const HIGH_ENTROPY_BITS = 3.3;

/** Words joined by case, dots, dashes or underscores: an identifier, a file name, an enumeration's value. */
function looksLikeWords(value: string): boolean {
  const parts = value
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== '');
  const words = parts.filter((part) => /^(?:[A-Z]?[a-z]+\d{0,3}|[A-Z]{2,}\d{0,3}|\d{1,4}|[A-Za-z]\d{0,2})$/.test(part));
  const letters = value.replace(/[^A-Za-z]/g, '').length;
  return words.length === parts.length && letters / Math.max(parts.length, 1) >= 3;
}

/** `A128CBC-HS256`, `RSA-OAEP-256`, `AES/GCM/NoPadding`: names of algorithms are dense, and no secret. */
const ALGORITHM =
  /^(?:(?:A|AES|HS|RS|ES|PS|SHA|RSA|EC|ECDH|OAEP|CBC|GCM|KW|DIR|HMAC|PBES2|PKCS1|X|ED|BLAKE|CHACHA|POLY|KDF|MGF1|P|NoPadding|PKCS5Padding|WITH|AND|K|MD5)?[-_/+.]?\d{0,5}){1,10}$/i;

/** Mixed alphabets tell a generated value from a word, an identifier or a sentence. */
export function looksGenerated(value: string, bits = HIGH_ENTROPY_BITS): boolean {
  const start = value.slice(0, 400);
  if (isPlaceholder(start) || looksLikeWords(start) || (start.length <= 40 && ALGORITHM.test(start))) return false;
  const alphabets = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((alphabet) => alphabet.test(start)).length;
  return alphabets >= 2 && /[\dA-Z]/.test(start) && entropyBits(start) >= bits;
}

/** Base64 as latin-1 text, or null. Pure rooms have no Buffer; alphabets of files and of URLs are both read. */
export function decodeBase64(encoded: string): string | null {
  const whole = encoded.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  const usable = whole.length % 4 === 1 ? whole.slice(0, -1) : whole;
  return /^[A-Za-z0-9+/]*$/.test(usable) ? atob(usable) : null;
}
