import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  canonicalJson,
  canonicalOrNull,
  isRecord,
  parseJson,
  parseJsonAs,
  readJson,
  readJsonAs,
  sameJson,
} from '../../src/contracts/json.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const schema = z.object({ name: z.string() });

test('parseJson: reads texts and bytes alike, and throws for what is not JSON', () => {
  expect(parseJson('{"name":"é"}')).toEqual({ name: 'é' });
  expect(parseJson(utf8('{"name":"é"}'))).toEqual({ name: 'é' });
  expect(() => parseJson('{"name":')).toThrow(SyntaxError);
});

test('parseJson: takes no byte order mark, in a text as in bytes', () => {
  expect(() => parseJson('\uFEFF{}')).toThrow(SyntaxError);
  expect(() => parseJson(utf8('\uFEFF{}'))).toThrow(SyntaxError);
});

test('readJson: gives undefined for what is not JSON, and null for null', () => {
  expect(readJson('')).toBeUndefined();
  expect(readJson('{} {}')).toBeUndefined();
  expect(readJson('null')).toBeNull();
});

test('parseJsonAs: throws for another shape', () => {
  expect(parseJsonAs(schema, '{"name":"ada"}')).toEqual({ name: 'ada' });
  expect(() => parseJsonAs(schema, '{"name":1}')).toThrow(z.ZodError);
});

test('readJsonAs: gives null for another shape and for what is not JSON', () => {
  expect(readJsonAs(schema, utf8('{"name":"ada"}'))).toEqual({ name: 'ada' });
  expect(readJsonAs(schema, '{"name":1}')).toBeNull();
  expect(readJsonAs(schema, 'name')).toBeNull();
});

test('isRecord: takes objects only', () => {
  expect([{}, { name: 1 }].map(isRecord)).toEqual([true, true]);
  expect([null, undefined, [], 'text', 1].map(isRecord)).toEqual([false, false, false, false, false]);
});

test('canonicalOrNull: gives null for what JSON cannot say', () => {
  expect(canonicalOrNull({ b: 1, a: [true] })).toBe('{"a":[true],"b":1}');
  expect(canonicalOrNull({ a: Number.NaN })).toBeNull();
  expect(canonicalOrNull(undefined)).toBeNull();
});

const names = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('1', '9', '10', '__proto__', 'é', '\u{1f600}', '\ufb33'),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.boolean(), fc.constantFrom(null, undefined, -0, 1e21)),
    fc.array(tie('value')),
    fc.dictionary(names, tie('value'), { noNullPrototype: false }),
  ),
}));

test('canonicalJson: writes whatever JSON can say as RFC 8785 asks, in order or not', () => {
  const expected = (given: unknown): string | null => {
    try {
      return canonicalize(given) ?? null;
    } catch {
      return null;
    }
  };
  fc.assert(
    fc.property(value, (given) => {
      const wanted = expected(given);
      expect(canonicalOrNull(given)).toBe(wanted);
      if (wanted !== null) expect(canonicalJson(JSON.parse(wanted))).toBe(wanted);
    }),
    { numRuns: 1_000 },
  );
});

test('canonicalJson: gives nothing for lone surrogates, in values as in names, nor for cycles', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const given of ['\ud800', ['\ud800'], { '\udc00': 1 }, { a: { '\ud800x': 1 } }, cycle]) {
    expect(canonicalOrNull(given)).toBeNull();
  }
});

test('sameJson: says whether the canonical JSON is the same', () => {
  fc.assert(
    fc.property(value, value, fc.boolean(), (one, another, copied) => {
      const text = canonicalOrNull(one);
      const other = copied && text !== null ? JSON.parse(text) : another;
      if (text !== null) expect(sameJson(one, other)).toBe(text === canonicalOrNull(other));
    }),
    { numRuns: 1_000 },
  );
  const said = { a: [1, { b: null }], c: 'd' };
  const others = [
    { a: [1, { b: null }], c: 'e' },
    { a: [1, { b: null }] },
    { a: [1, { b: null }], c: 'd', e: 1 },
    { a: [{ b: null }, 1], c: 'd' },
    { a: [1, {}], c: 'd' },
    { a: { 0: 1, 1: { b: null } }, c: 'd' },
    { a: [1, { b: null }, 2], c: 'd' },
  ];
  for (const other of others) expect(sameJson(said, other)).toBe(false);
  expect(sameJson({ c: 'd', e: undefined, a: [1, { b: null }] }, said)).toBe(true);
});
