import { sha256Hex } from '../../contracts/digest.js';
import { readJson } from '../../contracts/json.js';
import { type FoundSecret, findSecrets, type WantedSecrets } from './find-secrets.js';

const maskOf = (id: string, value: string): string =>
  `[masked: ${id}, sha256 ${sha256Hex(value.toWellFormed()).slice(0, 8)}]`;

/** The body of a key in PEM: everything up to its last line, else what follows its first line without a word between. */
const WHOLE_BODY = /^[\s\S]{0,20000}?-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----/;
const CUT_BODY = /^(?:(?:\\[nrt]|[\s+"'`,;.()|>#*\\-]){0,120}[A-Za-z0-9+/=]{4,}){1,1000}/;

/** A key of PuTTY ends with its checksum; one that was cut is masked as far as any key reaches. */
const PUTTY_BODY = /^(?:[\s\S]{0,20000}?Private-(?:MAC|Hash): [0-9a-f]{40,64}|[\s\S]{0,6000})/;

const isPem = ({ id }: FoundSecret): boolean => id === 'private-key' || id === 'pgp-private-key';

function endOf(text: string, hit: FoundSecret): number {
  if (!isPem(hit) && hit.id !== 'putty-key') return hit.end;
  const after = text.slice(hit.end, hit.end + 24_000);
  const body = isPem(hit) ? (WHOLE_BODY.exec(after) ?? CUT_BODY.exec(after)) : PUTTY_BODY.exec(after);
  return hit.end + (body?.[0].length ?? 0);
}

/** Keeps the lines of a masked value, so that a patch still reads as one. */
const maskLines = (id: string, value: string): string =>
  value
    .split('\n')
    .map((line) => (/^[ +-]/.test(line) && value.includes('\n') ? `${line[0]}${maskOf(id, line)}` : maskOf(id, line)))
    .join('\n');

/** A part of a text that is masked. Offsets are in UTF-16 units. */
export interface MaskedSpan {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** What `maskSecrets` masks in a text: in order, and none within another. */
export function maskedSpans(text: string, which: WantedSecrets = 'known'): readonly MaskedSpan[] {
  const spans: MaskedSpan[] = [];
  let done = 0;
  for (const hit of findSecrets(text, which)) {
    if (hit.start < done) continue;
    done = endOf(text, hit);
    spans.push({ id: hit.id, start: hit.start, end: done });
  }
  return spans;
}

/** The part of a text from an offset on, with the spans masked. A span that began before it is masked from there. */
export function maskFrom(text: string, from: number, spans: readonly MaskedSpan[]): string {
  let masked = '';
  let done = from;
  for (const { id, start, end } of spans) {
    if (end <= done) continue;
    masked += text.slice(done, start) + maskLines(id, text.slice(Math.max(start, done), end));
    done = end;
  }
  return masked + text.slice(done);
}

/** A text with every credential in it replaced by its kind and the start of its digest. */
export const maskSecrets = (text: string, which: WantedSecrets = 'known'): string =>
  maskFrom(text, 0, maskedSpans(text, which));

/** The same for the bytes of an output; they are returned as they are when nothing was masked. */
export function maskBytes(bytes: Uint8Array, which: WantedSecrets = 'known'): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const masked = maskSecrets(text, which);
  if (masked !== text) return new TextEncoder().encode(masked);
  // UTF-16 hides ASCII from every pattern: without its zeros it is found, and without them it is kept.
  if (!text.includes('\0')) return bytes;
  const narrow = text.replaceAll('\0', '');
  const maskedNarrow = maskSecrets(narrow, which);
  return maskedNarrow === narrow ? bytes : new TextEncoder().encode(maskedNarrow);
}

/** Every text within a JSON value, keys included. */
export function maskJson<T>(value: T, which: WantedSecrets = 'known'): T {
  if (typeof value === 'string') return maskSecrets(value, which) as T;
  if (Array.isArray(value)) return value.map((part: unknown) => maskJson(part, which)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [maskSecrets(key, which), maskJson(part, which)]),
  ) as T;
}

/**
 * An executor's answer without credentials, those that JSON escapes hide included. What has none comes back unchanged.
 */
export function maskAnswer(text: string): string {
  const masked = maskSecrets(text);
  // Without an escape its texts are in it as they are, and were looked through with it.
  if (!masked.includes('\\')) return masked;
  const value = readJson(masked);
  if (value === undefined) return masked;
  try {
    const again = JSON.stringify(maskJson(value));
    return again === JSON.stringify(value) ? masked : again;
  } catch (error) {
    // Deeper than the stack: no answer either, which is for its reader to say. The gate must not fail of it.
    if (error instanceof RangeError) return masked;
    throw error;
  }
}

/** What was masked already and is kept, so that a credential which began in it is still recognised: no key is longer. */
const CONTEXT = 32 * 1_024;
/** Of a stream that prints more between two looks, the end is kept. */
const KEPT = 3 * CONTEXT;
/** A longer word is left out: it cannot be held back until its end is known. */
const LONGEST_WORD = 16 * 1_024;
/** The first and the last line of a private key. What is between may be anything as long as the last is missing. */
const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,60}PRIVATE KEY/g;
const KEY_ENDS = /-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----/;
/** Characters of a private key at the most, its first and last line included. */
const LONGEST_KEY = 20_200;

export interface MaskedPart {
  /** Characters that were left out before the text. */
  readonly omitted: number;
  readonly text: string;
}

/** Masks a text that comes in pieces. Memory is bounded whatever is added. */
export interface MaskedStream {
  add(text: string): void;
  /**
   * What has become certain since the last call. A word that has not ended, and a private key without its last line, are
   * held back: the rest of a credential may follow.
   */
  settle(): MaskedPart;
  /** The rest, once nothing more comes. */
  end(): MaskedPart;
}

/**
 * Masks known credentials in a stream, also where one is cut by a border of two pieces. The parts together are what
 * `maskSecrets` makes of the whole, but for what is left out.
 */
export function createMaskedStream(): MaskedStream {
  let text = '';
  /** Where the part of `text` begins that was not given yet. */
  let from = 0;
  let omitted = 0;
  /** Whether the beginning of the word at `from` was left out, so that the rest of it is nothing to recognise anything by. */
  let within = false;

  const omitUntil = (place: number) => {
    if (place <= from) return;
    omitted += place - from;
    from = place;
    within = !isSpace(text[place - 1]);
  };
  const omitRestOfWord = () => {
    if (!within) return;
    let place = from;
    while (place < text.length && !isSpace(text[place])) place += 1;
    const ended = place < text.length;
    omitUntil(place);
    within = !ended;
  };
  const forget = (count: number) => {
    text = text.slice(count);
    from -= count;
  };
  const take = (until: number): MaskedPart => {
    const certain = text.slice(0, until);
    const part = { omitted, text: until > from ? maskFrom(certain, from, maskedSpans(certain)) : '' };
    from = Math.max(from, until);
    omitted = 0;
    if (from > 2 * CONTEXT) forget(from - CONTEXT);
    return part;
  };
  return {
    add(more) {
      // A text of two bytes a character hides ASCII from every pattern; without its zeros it does not.
      text += more.replaceAll('\0', '');
      if (text.length <= 2 * KEPT) return;
      // What is given next needs what came before it, since a credential may have begun there.
      omitUntil(text.length - KEPT + CONTEXT);
      forget(text.length - KEPT);
    },
    settle() {
      omitRestOfWord();
      const part = take(Math.min(endOfLastWord(text, from), Math.max(from, beginOfOpenKey(text))));
      if (text.length - from > LONGEST_WORD) omitUntil(text.length);
      return part;
    },
    end() {
      omitRestOfWord();
      return take(text.length);
    },
  };
}

const isSpace = (character = ' '): boolean => character <= ' ';

/** The place behind the last white space, but never before `from`. */
function endOfLastWord(text: string, from: number): number {
  let place = text.length;
  while (place > from && !isSpace(text[place - 1])) place -= 1;
  return place;
}

/** Where a private key begins whose last line may still come; else the end of the text. */
function beginOfOpenKey(text: string): number {
  const first = Math.max(0, text.length - LONGEST_KEY);
  for (const { index } of text.slice(first).matchAll(KEY_BEGINS)) {
    if (!KEY_ENDS.test(text.slice(first + index))) return first + index;
  }
  return text.length;
}
