/**
 * The same JSON value without lone surrogates: they have no canonical JSON, so one that reached the ledger would fail the
 * workflow task for ever. A text cut in the middle of a pair ends in one.
 */
export function wellFormed<T>(value: T): T {
  if (typeof value === 'string') return value.toWellFormed() as T;
  if (Array.isArray(value)) return value.map(wellFormed) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, wellFormed(part)])) as T;
}
