import { isRecord, own } from '../contracts/json.js';

/** Where two JSON values differ first, and what each side has there. */
export interface Difference {
  /** Such as `gates[2].attempts[0].verdict`; empty for the whole. */
  readonly at: string;
  readonly expected: string;
  readonly found: string;
}

const hasMembers = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isRecord(value) || Array.isArray(value);

/** Characters of a value that a message shows. */
const SHOWN = 200;

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1).toWellFormed()}…` : text;
}

/** The first difference in the order of the expected value, or null when both say the same. A member that is undefined is absent. */
export function firstDifference(expected: unknown, found: unknown, at = ''): Difference | null {
  if (hasMembers(expected) && hasMembers(found) && Array.isArray(expected) === Array.isArray(found)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
    for (const key of keys) {
      const step = Array.isArray(expected) ? `${at}[${key}]` : at === '' ? key : `${at}.${key}`;
      const difference = firstDifference(own(expected, key), own(found, key), step);
      if (difference !== null) return difference;
    }
    return null;
  }
  return Object.is(expected, found) ? null : { at, expected: shown(expected), found: shown(found) };
}
