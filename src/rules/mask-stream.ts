import { maskedSpans, maskFrom } from './mask-secrets.js';

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

/** A part of a masked stream. */
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
