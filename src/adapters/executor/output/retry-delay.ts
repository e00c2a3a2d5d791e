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
