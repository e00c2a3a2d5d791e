import canonicalize from 'canonicalize';
import { sha256Hex } from './digest.js';

/**
 * RFC 8785 (JSON Canonicalization Scheme). Members whose value is undefined are left out.
 * @throws Error for what JSON cannot say: NaN, infinities, lone surrogates, cycles.
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('undefined has no canonical JSON');
  return text;
}

/** Hexadecimal SHA-256 of the canonical JSON of a value. */
export const canonicalSha256 = (value: unknown): string => sha256Hex(canonicalJson(value));
