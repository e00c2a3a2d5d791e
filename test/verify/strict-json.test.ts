import { expect, test } from 'vitest';
import { firstDifference } from '../../src/verify/first-difference.js';
import { readStrictJson } from '../../src/verify/parse-json.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const codeOf = (content: Uint8Array, layout: 'indented' | 'canonical' = 'indented'): unknown => {
  try {
    readStrictJson(content, 'a.json', layout);
    return null;
  } catch (error) {
    return (error as { code: unknown }).code;
  }
};

test('readStrictJson: takes what the engine writes, in either layout', () => {
  expect(readStrictJson(bytes('{\n  "a": [\n    1,\n    "ü"\n  ]\n}\n'), 'a.json', 'indented')).toEqual({
    a: [1, 'ü'],
  });
  expect(readStrictJson(bytes('{"a":1,"b":null}'), 'a.json', 'canonical')).toEqual({ a: 1, b: null });
});

test.each([
  ['no JSON', '{', 'JSON_MALFORMED'],
  ['nothing', '', 'JSON_MALFORMED'],
  ['a byte order mark', '\uFEFF{}\n', 'JSON_MALFORMED'],
  ['two values', '{}\n{}\n', 'JSON_MALFORMED'],
  ['a comment', '{} // x\n', 'JSON_MALFORMED'],
  ['a key twice', '{\n  "a": 1,\n  "a": 1\n}\n', 'JSON_NOT_STRICT'],
  ['1.0', '{\n  "a": 1.0\n}\n', 'JSON_NOT_STRICT'],
  ['1e0', '{\n  "a": 1e0\n}\n', 'JSON_NOT_STRICT'],
  ['-0', '{\n  "a": -0\n}\n', 'JSON_NOT_STRICT'],
  ['an escape that need not be', '{\n  "a": "\\u0061"\n}\n', 'JSON_NOT_STRICT'],
  ['a number too large to be exact', '{\n  "a": 9007199254740993\n}\n', 'JSON_NOT_STRICT'],
  ['no newline at the end', '{\n  "a": 1\n}', 'JSON_NOT_STRICT'],
  ['one newline too many', '{\n  "a": 1\n}\n\n', 'JSON_NOT_STRICT'],
  ['CRLF', '{\r\n  "a": 1\r\n}\r\n', 'JSON_NOT_STRICT'],
])('readStrictJson: refuses %s', (_name, text, code) => {
  expect(codeOf(bytes(text))).toBe(code);
});

test('readStrictJson: refuses bytes that are not UTF-8, and canonical JSON with a key out of its order', () => {
  expect(codeOf(Uint8Array.of(0x22, 0xff, 0x22))).toBe('JSON_MALFORMED');
  expect(codeOf(bytes('{"b":1,"a":1}'), 'canonical')).toBe('JSON_NOT_STRICT');
});

test('readStrictJson: names the line, and shows both sides of the first difference', () => {
  expect(() => readStrictJson(bytes('{\n  "a": 1,\n  "b": 2.0\n}\n'), 'a.json', 'indented')).toThrowError(
    expect.objectContaining({ path: 'a.json:3', expected: '"\\n}\\n"', found: '".0\\n}\\n"' }),
  );
});

test('firstDifference: reports the place and both values', () => {
  expect(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toEqual({
    at: 'a[1].b',
    expected: '2',
    found: '3',
  });
  expect(firstDifference({ a: 1 }, { a: 1, b: null })).toEqual({ at: 'b', expected: 'nothing', found: 'null' });
  expect(firstDifference([1], { 0: 1 })?.at).toBe('');
  expect(firstDifference({ a: 1, b: undefined }, { a: 1 })).toBeNull();
  expect(firstDifference({ constructor: 1 }, {})).toEqual({ at: 'constructor', expected: '1', found: 'nothing' });
});
