import { PromptOsError } from '../../contracts/errors.js';
import { durationSchema } from '../../contracts/primitives.js';

const DATE = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z$/;

/**
 * When a waiver expires, as a person writes it: a duration from now, the end of a day in UTC, or an instant in UTC.
 * @param now milliseconds since the epoch
 * @throws PromptOsError USAGE
 */
export function readWaiverExpiry(text: string, now: number): string {
  const duration = durationSchema.safeParse(text);
  const end = duration.success
    ? now + duration.data
    : DATE.test(text)
      ? Date.parse(`${text}T23:59:59.999Z`)
      : INSTANT.test(text)
        ? Date.parse(text)
        : Number.NaN;
  // Some dates that do not exist, such as 31 February, are read as another day.
  const exists = !Number.isNaN(end) && (duration.success || new Date(end).toISOString().startsWith(text.slice(0, 10)));
  if (!exists) {
    throw new PromptOsError('USAGE', `--expires: expected 30d, 2026-12-31 or an instant in UTC, received "${text}".`);
  }
  if (end > now) return new Date(end).toISOString();
  throw new PromptOsError('USAGE', `--expires: ${new Date(end).toISOString()} has passed.`);
}
