import { sha256Hex } from '../../contracts/digest.js';
import {
  CLOUD_FORMATS,
  decodeBase64,
  isPlaceholder,
  SERVICE_FORMATS,
  type SecretConfidence,
  type SecretFormat,
} from './secret-format.js';
import { CODE_FORMATS, CONTEXT_FORMATS, KUBERNETES_SECRET, WORD_CONTEXTS } from './secret-formats-code.js';

/** Codes of ASCII; a pair of them is one index of the table. */
const ASCII = 128;

/**
 * Finds which of many words a text has, in one pass over it: a search for each word reads a text of some megabytes as
 * often as there are words.
 */
export function keywordFinder(words: readonly string[]): (text: string) => ReadonlySet<string> {
  const unique = [...new Set(words)];
  const pairOf = (text: string, at: number): number => {
    const [first, second] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
    return first < ASCII && second < ASCII ? first * ASCII + second : -1;
  };
  const byPair = new Map<number, string[]>();
  for (const word of unique) {
    const pair = pairOf(word, 0);
    if (pair !== -1) byPair.set(pair, [...(byPair.get(pair) ?? []), word]);
  }
  // Words of one letter, or of another alphabet, have no pair.
  const others = unique.filter((word) => pairOf(word, 0) === -1);
  const starts = Uint8Array.from({ length: ASCII * ASCII }, (_, pair) => (byPair.has(pair) ? 1 : 0));
  return (text) => {
    const found = new Set(others.filter((word) => text.includes(word)));
    const open = starts.slice();
    let first = text.charCodeAt(0);
    for (let at = 1; at < text.length; at += 1) {
      const second = text.charCodeAt(at);
      const pair = first * ASCII + second;
      const isAscii = (first | second) < ASCII;
      first = second;
      if (!isAscii || open[pair] === 0) continue;
      const candidates = byPair.get(pair) ?? [];
      for (const word of candidates) if (text.startsWith(word, at - 1)) found.add(word);
      // What was found once is not looked for again.
      if (candidates.every((word) => found.has(word))) open[pair] = 0;
    }
    return found;
  };
}

/** A likely credential, without the credential itself. */
export interface SecretPatternHit {
  readonly rule: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
  readonly confidence: SecretConfidence;
  readonly fingerprint: string;
}

/** Likely credentials in a text, one hit a rule and line, in the order of the lines. */
export function findSecretPatterns(text: string, path = ''): SecretPatternHit[] {
  const hits = new Map<string, SecretPatternHit>();
  let line = 1;
  let counted = 0;
  for (const { id, title, confidence, start, end } of findSecrets(text)) {
    for (const _ of text.slice(counted, start).matchAll(/\r\n|[\n\r]/g)) line += 1;
    counted = start;
    const fingerprint = secretFingerprint(id, path, text.slice(start, end));
    const key = `${line} ${id}`;
    if (!hits.has(key)) hits.set(key, { rule: id, line, message: title, confidence, fingerprint });
  }
  return [...hits.values()];
}

/** Every kind of credential that has a form of its own. */
export const SECRET_FORMATS: readonly SecretFormat[] = [
  ...CLOUD_FORMATS,
  ...CODE_FORMATS,
  ...SERVICE_FORMATS,
  ...CONTEXT_FORMATS,
];

/** A likely credential in a text. Offsets are in UTF-16 units. */
export interface FoundSecret {
  readonly id: string;
  readonly title: string;
  readonly confidence: SecretConfidence;
  readonly start: number;
  readonly end: number;
}

const findKeywords = keywordFinder(SECRET_FORMATS.flatMap(({ keywords }) => keywords));

function findFormats(text: string): FoundSecret[] {
  const present = findKeywords(text.toLowerCase());
  return SECRET_FORMATS.filter(({ keywords }) => keywords.some((keyword) => present.has(keyword))).flatMap((format) =>
    [...text.matchAll(format.pattern)].flatMap((match): FoundSecret[] => {
      const [whole] = match;
      const value = match[1] ?? whole;
      const confidence = format.judge(value, whole);
      if (confidence === null) return [];
      const start = match.index + whole.lastIndexOf(value);
      return [{ id: format.id, title: format.title, confidence, start, end: start + value.length }];
    }),
  );
}

/** Decoded bytes are looked into when they start as text does. */
const isText = (decoded: string): boolean => /^[\t\n\r\x20-\x7e]{16}/.test(decoded);

const decodeHex = (encoded: string): string =>
  encoded.replace(/[0-9a-f]{2}/gi, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));

/**
 * Credentials of a known form under one layer of base64 or hexadecimal: the whole run of text is the hit. A run is cut at
 * 64 KiB: a regular expression of this platform overflows its stack on a run of some megabytes.
 */
function findWrapped(text: string): FoundSecret[] {
  const runs = [
    ...[...text.matchAll(/[A-Za-z0-9+/_-]{24,65536}/g)].map((run) => ({ run, decode: decodeBase64 })),
    ...[...text.matchAll(/[0-9a-fA-F]{40,65536}/g)].map((run) => ({ run, decode: decodeHex })),
  ];
  return runs.flatMap(({ run, decode }): FoundSecret[] => {
    const [encoded] = run;
    if (!isText(decode(encoded.slice(0, 64)) ?? '')) return [];
    const inner = findFormats(decode(encoded) ?? '').find(({ confidence }) => confidence === 'known');
    if (inner === undefined) return [];
    const place = { start: run.index, end: run.index + encoded.length };
    return [{ id: `encoded-${inner.id}`, title: `${inner.title}, encoded`, confidence: 'known', ...place }];
  });
}

function findContexts(text: string): FoundSecret[] {
  const words = WORD_CONTEXTS.flatMap(({ id, title, pattern, isLikely }) =>
    [...text.matchAll(pattern)].flatMap((match): FoundSecret[] => {
      const [whole, key = '', value = ''] = match;
      const start = match.index + whole.indexOf(value, whole.indexOf(key) + key.length);
      return isLikely(key, value) ? [{ id, title, confidence: 'candidate', start, end: start + value.length }] : [];
    }),
  );
  if (!/^\s{0,8}["']?kind["']?:\s{0,8}["']?Secret["']?,?\s*$/m.test(text)) return words;
  const { id, title, pattern } = KUBERNETES_SECRET;
  const data = [...text.matchAll(pattern)].flatMap((match): FoundSecret[] => {
    const value = match[1] ?? '';
    const decoded = decodeBase64(value) ?? '';
    if (!/^[\t\n\r\x20-\x7e]{6,}$/.test(decoded) || isPlaceholder(decoded)) return [];
    const start = match.index + match[0].indexOf(value);
    return [{ id, title, confidence: 'candidate', start, end: start + value.length }];
  });
  return [...words, ...data];
}

/** Which credentials are meant: only what is one for sure, or everything that may be one. */
export type WantedSecrets = 'known' | 'all';

/**
 * Likely credentials of a text in order, none inside another; a known one wins over a candidate, and is the same whether
 * candidates are wanted or not. Linear in the text's length, whatever its lines are.
 */
export function findSecrets(text: string, wanted: WantedSecrets = 'all'): readonly FoundSecret[] {
  const found = [...findFormats(text), ...findWrapped(text), ...(wanted === 'all' ? findContexts(text) : [])];
  const kept: FoundSecret[] = [];
  let end = -1;
  const known = found
    .filter(({ confidence }) => confidence === 'known')
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const inKnown = overlapWith(known);
  const candidates = wanted === 'all' ? found.filter((hit) => hit.confidence === 'candidate' && !inKnown(hit)) : [];
  for (const hit of [...known, ...candidates].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (hit.start < end) continue;
    kept.push(hit);
    end = hit.end;
  }
  return kept;
}

/** Whether a hit overlaps one of the given, which are in order of their start. */
function overlapWith(known: readonly FoundSecret[]): (hit: FoundSecret) => boolean {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of known) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return ({ start, end }) => {
    let low = 0;
    let high = merged.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((merged[middle]?.end ?? 0) <= start) low = middle + 1;
      else high = middle;
    }
    return (merged[low]?.start ?? Number.POSITIVE_INFINITY) < end;
  };
}

/**
 * The stable name of a hit: the same for the same value by the same rule at the same path, in every attempt. Salted with
 * rule and path, and cut, so that one table of digests does not serve two places.
 */
export const secretFingerprint = (rule: string, path: string, value: string): string =>
  sha256Hex(JSON.stringify(['promptos-secret-v1', rule, path, value.toWellFormed()])).slice(0, 16);
