import canonicalize from 'canonicalize';
import type { z } from 'zod';
import { sha256Hex } from './digest.js';

/** The text of UTF-8. A byte order mark stays, so that what follows it is not JSON. */
const textOf = (content: string | Uint8Array): string =>
  typeof content === 'string' ? content : new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);

/** @throws SyntaxError for what is not JSON */
export const parseJson = (content: string | Uint8Array): unknown => JSON.parse(textOf(content));

/** @throws SyntaxError for what is not JSON, and what the schema throws */
export const parseJsonAs = <T>(schema: z.ZodType<T>, content: string | Uint8Array): T =>
  schema.parse(parseJson(content));

/** Undefined for what is not JSON: no JSON value is undefined. */
export function readJson(content: string | Uint8Array): unknown {
  try {
    return parseJson(content);
  } catch {
    return undefined;
  }
}

/** Null for what is not JSON, and for what the schema refuses. */
export const readJsonAs = <T>(schema: z.ZodType<T>, content: string | Uint8Array): T | null =>
  schema.safeParse(readJson(content)).data ?? null;

/** A JSON object: neither null nor an array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * RFC 8785 (JSON Canonicalization Scheme). Members whose value is undefined are left out.
 * @throws Error for what JSON cannot say: NaN, infinities, lone surrogates, cycles.
 */
export function canonicalJson(value: unknown): string {
  const text = isOrdered(value) ? JSON.stringify(value) : canonicalize(value);
  if (text === undefined) throw new Error('undefined has no canonical JSON');
  return text;
}

/**
 * Whether the platform writes a value as RFC 8785 does, in a fifth of the time: plain data with its members in order, as
 * canonical JSON gives it when it is read. Names like `10`, which objects order as numbers, are in order only by chance.
 */
function isOrdered(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'boolean';
  if (value === null) return true;
  if (Array.isArray(value)) return value.every(isOrdered);
  if ('toJSON' in value) return false;
  let before = '';
  for (const name of Object.keys(value)) {
    if (name < before || !name.isWellFormed() || !isOrdered((value as Readonly<Record<string, unknown>>)[name])) {
      return false;
    }
    before = name;
  }
  return true;
}

/** Whether two values have the same canonical JSON, without writing it. A member that is undefined is absent. */
export function sameJson(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  if (Array.isArray(one) || Array.isArray(other)) {
    const lists = Array.isArray(one) && Array.isArray(other) && one.length === other.length;
    return lists && one.every((item, index) => sameJson(item ?? null, other[index] ?? null));
  }
  const members = (value: object) => Object.entries(value).filter(([, member]) => member !== undefined);
  const mine = members(one);
  return (
    mine.length === members(other).length &&
    mine.every(([name, member]) => sameJson(member, own(other as Readonly<Record<string, unknown>>, name)))
  );
}

/** Null for what has no canonical JSON. */
export function canonicalOrNull(value: unknown): string | null {
  try {
    return canonicalJson(value);
  } catch {
    return null;
  }
}

/** Hexadecimal SHA-256 of the canonical JSON of a value. */
export const canonicalSha256 = (value: unknown): string => sha256Hex(canonicalJson(value));

/** JSON as it is published: two-space indented, one trailing newline. */
export const prettyJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * A record's own member. Names come from outside: `constructor` and `__proto__` must not find what every object has.
 */
export const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

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
