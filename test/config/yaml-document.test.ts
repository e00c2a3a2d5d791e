import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseDocumentAs, parseYaml } from '../../src/config/yaml-document.js';

const parse = (text: string) => parseYaml(new TextEncoder().encode(text), 'f.yaml');
const refusal = (text: string | Uint8Array): Error & { code?: string } => {
  try {
    parseYaml(typeof text === 'string' ? new TextEncoder().encode(text) : text, 'f.yaml');
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error('nothing was refused');
};

test('parseYaml: gives plain data, from YAML and from JSON with tabs and a byte order mark', () => {
  expect(parse('a: 1\nb: [x, "y z"]\n').value).toEqual({ a: 1, b: ['x', 'y z'] });
  expect(parse('\uFEFF{\n\t"a": {\n\t\t"b": "é"\n\t}\n}\n').value).toEqual({ a: { b: 'é' } });
});

test('locate: points at keys and items, and around what is missing', () => {
  const document = parse('a:\n  b: 1\n  list:\n    - x\n    - y\n');
  expect(document.locate(['a', 'b'])).toEqual({ line: 2, column: 3 });
  expect(document.locate(['a', 'list', 1])).toEqual({ line: 5, column: 7 });
  expect(document.locate(['a', 'missing', 'deeper'])).toEqual({ line: 1, column: 1 });
  expect(parse('').locate(['a'])).toEqual({ line: 1, column: 1 });
});

test('locate: follows an alias to its anchor', () => {
  expect(parse('one: &x\n  k: 1\ntwo: *x\n').locate(['two', 'k'])).toEqual({ line: 2, column: 3 });
});

test('parseYaml: YAML_MALFORMED with line and column, for text that is no YAML', () => {
  const error = refusal('a: 1\nb: [1, 2\nc: 3\n');
  expect(error).toMatchObject({ code: 'YAML_MALFORMED' });
  expect(error.message).toMatch(/^f\.yaml:[23]:\d+: /);
});

test.each([
  ['a duplicate key', 'a: 1\nb: 2\na: 3\n', /f\.yaml:3:1: .*unique/],
  ['a duplicate key in JSON', '{"a": 1,\n "a": 2}', /f\.yaml:2:2: .*unique/],
  ['an unknown tag', 'a: !secret x\n', /f\.yaml:1:4: .*!secret/],
  ['two documents', 'a: 1\n---\nb: 2\n', /f\.yaml:2:\d+: .*multiple/i],
  ['an alias without an anchor', 'a: 1\nb: [x, *.js]\n', /f\.yaml:2:8: .*needs quotes: "\*\.js"/],
  ['an alias before its anchor', 'a: *x\nb: &x 1\n', /f\.yaml:1:4: .*"\*x"/],
  ['a key that is lost in schemas', 'a:\n  __proto__: 1\n', /f\.yaml:2:3: .*__proto__/],
])('parseYaml: YAML_MALFORMED, for %s', (_, text, message) => {
  const error = refusal(text);
  expect(error).toMatchObject({ code: 'YAML_MALFORMED', exitCode: 2 });
  expect(error.message).toMatch(message);
});

test('parseYaml: YAML_MALFORMED, for aliases that multiply', () => {
  const levels = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level += 1) {
    const [before, name] = ['abcdefghi'[level - 1], 'abcdefghi'[level]];
    levels.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`);
  }
  expect(refusal(levels.join('\n'))).toMatchObject({ code: 'YAML_MALFORMED' });
});

test.each([
  ['lists', '['.repeat(200_000), '1:201'],
  ['lists that are closed', `${'['.repeat(3000)}${']'.repeat(3000)}`, '1:201'],
  ['mappings', '{a: '.repeat(20_000), '1:798'],
  ['items', '- '.repeat(20_000), '1:400'],
  ['lines', Array.from({ length: 900 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'), '200:201'],
])('parseYaml: YAML_MALFORMED with the place, for %s in each other without end', (_, text, place) => {
  const error = refusal(text);
  expect(error).toMatchObject({ code: 'YAML_MALFORMED' });
  expect(error.message).toContain(`f.yaml:${place}: expected at most 200 levels of lists and mappings, received more.`);
});

test('parseYaml: reads lists in each other up to the limit', () => {
  const text = `${'['.repeat(198)}1${']'.repeat(198)}`;
  expect(JSON.stringify(parseYaml(Buffer.from(text), 'f.yaml').value)).toBe(text);
});

test('parseYaml: YAML_MALFORMED, for bytes that are not UTF-8 and for a file that is too large', () => {
  expect(refusal(new Uint8Array([0x61, 0x3a, 0x20, 0xff])).message).toContain('UTF-8');
  expect(refusal(new Uint8Array(1_048_577).fill(0x20)).message).toContain('1048577');
});

test.each([
  ['a number that JSON has no word for', 'n: .nan\n', 'f.yaml:1: n: expected a number, received NaN.'],
  ['an empty key', '"": 1\n', 'f.yaml:1: "": unknown key. Known are: n, form.'],
  ['a key of several lines', '"a\\nb": 1\n', 'f.yaml:1: "a\\nb": unknown key. Known are: n, form.'],
  ['forms that all ask for the same', 'form: 3\n', 'f.yaml:1: form: expected a mapping, received 3.'],
])('parseDocumentAs: says what is wrong with %s', (_, text, summary) => {
  const form = z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.string() })]);
  const schema = z.strictObject({ n: z.number().optional(), form: form.optional() });
  const parsed = () => parseDocumentAs(parse(text), schema, 'POLICY_INVALID');
  expect(parsed).toThrow(expect.objectContaining({ summary }));
});
