import { stripVTControlCharacters } from 'node:util';
import type { FailureRule, OutputText } from '../../../contracts/config/executor-output.js';
import { isRecord, readJson } from '../../../contracts/json.js';
import { findPattern, type PatternMatch } from '../../../contracts/linear-pattern.js';
import { clipText } from '../../../rules/outputs/judged-output.js';
import { printable } from '../../../rules/paths/path-names.js';
import { maskSecrets } from '../../../rules/secrets/mask-secrets.js';
import type { PrintedJson } from './printed-json.js';

/**
 * A name or an id that a program printed: on one line, without credentials, and of so many characters at most. Of one that
 * is far longer nothing is kept: a credential whose end is cut off is not recognised.
 */
export const shownName = (text: string, most: number): string =>
  text.length > 4 * most ? `[${text.length} characters]` : shownText(text, most);

/** A text on one line, without credentials, and of so many characters at most. */
export function shownText(text: string, most: number): string {
  const shown = printable(maskSecrets(text.toWellFormed()), most - 1);
  // Once it is cut, a text may be a credential that the whole of it was not.
  return maskSecrets(shown) === shown ? shown : '[masked]';
}

/** What a program left behind, as rules look at it. */
export interface SeenOutput {
  readonly exit_code: number | null;
  readonly texts: Readonly<Record<OutputText, string>>;
  readonly json: Readonly<Record<OutputText, PrintedJson>>;
}

export interface RecognisedFailure {
  readonly class: FailureRule['class'];
  /** What the provider says, on one line, without credentials; empty when it says nothing. */
  readonly message: string;
  readonly retry_after_ms: number | null;
}

/** Characters at the end of a text that patterns look at: errors come last, and the time that it takes is bounded. */
const TAIL = 64 * 1_024;
/** Characters of the provider's words that people are shown. */
const MAX_MESSAGE = 500;
/** Characters before and behind a match that belong to its line. */
const LINE = 1_000;

/**
 * Whether a text is an answer by its form. Such an answer is judged, whatever else the program printed: its work may well
 * be about rate limits.
 */
export function isAnswer(text: string | null): boolean {
  const value = text === null ? null : readJson(text);
  return isRecord(value) && (value.kind === 'output' || value.kind === 'escalation');
}

/**
 * What the first rule that holds makes of an output; null when none does.
 * @param mask removes credentials that only the caller knows
 */
export function recogniseFailure(
  rules: readonly FailureRule[],
  seen: SeenOutput,
  now: number,
  mask: (text: string) => string,
): RecognisedFailure | null {
  for (const rule of rules) {
    const held = apply(rule, seen);
    if (held === null) continue;
    const words = messageOf(rule, held, seen) ?? lastWords(seen);
    return {
      class: rule.class,
      message: clipText(maskSecrets(mask(oneLine(words))), MAX_MESSAGE),
      retry_after_ms: delayOf(rule, seen, now),
    };
  }
  return null;
}

/** Where a rule held: the text that its pattern matched in, and the place. Null in both when it has no pattern. */
interface Held {
  readonly text: string | null;
  readonly match: PatternMatch | null;
}

function apply(rule: FailureRule, seen: SeenOutput): Held | null {
  const { exit_codes, pointer, equals, matches } = rule;
  if (exit_codes !== undefined && (seen.exit_code === null || !exit_codes.includes(seen.exit_code))) return null;
  if (pointer === undefined) return matches === undefined ? { text: null, match: null } : matchIn(rule, matches, seen);
  for (const value of valuesAt(rule, pointer, seen)) {
    if (equals !== undefined && !equals.some((expected) => expected === value)) continue;
    if (matches === undefined) return { text: typeof value === 'string' ? value : null, match: null };
    const text = tailOf(typeof value === 'string' ? value : JSON.stringify(value));
    const match = findPattern(matches, text);
    if (match !== null) return { text, match };
  }
  return null;
}

function matchIn({ in: names }: FailureRule, pattern: string, { texts }: SeenOutput): Held | null {
  for (const name of names) {
    const text = tailOf(texts[name]);
    const match = findPattern(pattern, text);
    if (match !== null) return { text, match };
  }
  return null;
}

/** What a pointer leads to in each of the rule's texts that has it. */
const valuesAt = ({ in: names }: FailureRule, pointer: string, { json }: SeenOutput): readonly unknown[] =>
  names.flatMap((name) => {
    const target = json[name].at(pointer);
    return target.found ? [target.value] : [];
  });

const tailOf = (text: string): string => (text.length <= TAIL ? text : text.slice(-TAIL));

function messageOf(rule: FailureRule, { text, match }: Held, seen: SeenOutput): string | null {
  const [said] = rule.message === undefined ? [] : valuesAt(rule, rule.message, seen);
  if (said !== undefined && said !== null) return typeof said === 'string' ? said : JSON.stringify(said);
  return match === null || text === null ? text : lineAround(text, match);
}

function lineAround(text: string, { start, end }: PatternMatch): string {
  const begin = Math.max(text.lastIndexOf('\n', start - 1) + 1, start - LINE, 0);
  const next = text.indexOf('\n', Math.max(start, end));
  return text.slice(begin, Math.min(next === -1 ? text.length : next, end + LINE));
}

/** The end of what it printed, the likeliest place first. */
function lastWords({ texts }: SeenOutput): string {
  const [last = ''] = [texts.stderr, texts.answer, texts.stdout].filter((text) => text.trim() !== '');
  return last.trim().slice(-MAX_MESSAGE);
}

/** Characters of the end of an output. */
const MAX_END = 300;

/**
 * The end of what a program printed, on one line and without credentials; null when it printed nothing.
 * @param mask removes credentials that only the caller knows
 */
export function endOfOutput(text: string, mask: (text: string) => string): string | null {
  const line = maskSecrets(mask(oneLine(text)));
  if (line === '') return null;
  return line.length <= MAX_END ? line : `…${line.slice(1 - MAX_END)}`.toWellFormed();
}

const oneLine = (text: string): string =>
  stripVTControlCharacters(tailOf(text))
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();

function delayOf(rule: FailureRule, seen: SeenOutput, now: number): number | null {
  const { retry_after } = rule;
  if (retry_after?.pointer !== undefined) {
    const delays = valuesAt(rule, retry_after.pointer, seen).map((value) => readDelay(value, now));
    return delays.find((delay) => delay !== null) ?? null;
  }
  if (retry_after?.matches === undefined) return null;
  for (const name of rule.in) {
    const found = findPattern(retry_after.matches, tailOf(seen.texts[name]))?.group ?? null;
    const delay = found === null ? null : readDelay(found, now);
    if (delay !== null) return delay;
  }
  return null;
}

const UNITS = { ms: 1, s: 1_000, sec: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const isUnit = (unit: string): unit is keyof typeof UNITS => Object.hasOwn(UNITS, unit);

/** Larger numbers are no delays but instants: seconds, or milliseconds, since the epoch. */
const EPOCH_SECONDS = 1_000_000_000;
const EPOCH_MILLISECONDS = 1_000_000_000_000;

/**
 * A delay as providers name it, in milliseconds from `now`: seconds, as a number or a text (`Retry-After`), a duration such
 * as `6m0s`, `1.5s` or `20 ms`, an instant in ISO 8601 or of HTTP, or one in seconds since the epoch. Null for anything else.
 */
export function readDelay(value: unknown, now: number): number | null {
  const delay =
    typeof value === 'number' ? ofNumber(value, now) : typeof value === 'string' ? ofText(value, now) : null;
  return delay === null || !Number.isFinite(delay) ? null : Math.max(0, Math.round(delay));
}

function ofNumber(value: number, now: number): number {
  if (value >= EPOCH_MILLISECONDS) return value - now;
  return value >= EPOCH_SECONDS ? value * 1_000 - now : value * 1_000;
}

/** A longer text is none of the forms. */
const LONGEST = 64;
const NUMBER = /^\d{1,16}(?:\.\d{1,9})?$/;
const PART = /(\d{1,9}(?:\.\d{1,9})?) ?([a-z]{1,3}) ?/y;

function ofText(value: string, now: number): number | null {
  const text = value.trim();
  if (text === '' || text.length > LONGEST) return null;
  if (NUMBER.test(text)) return ofNumber(Number(text), now);
  const duration = ofDuration(text.toLowerCase());
  if (duration !== null) return duration;
  // A date begins with its year, or with the day of the week: `Date.parse` takes much else for one.
  if (!/^(?:\d{4}-\d\d-\d\dT|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )/.test(text)) return null;
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? null : instant - now;
}

function ofDuration(text: string): number | null {
  let total = 0;
  PART.lastIndex = 0;
  for (let read = 0; read < text.length; read = PART.lastIndex) {
    const [, count, unit = ''] = PART.exec(text) ?? [];
    if (count === undefined || !isUnit(unit)) return null;
    total += Number(count) * UNITS[unit];
  }
  return total;
}
