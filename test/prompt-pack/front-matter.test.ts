import { expect, test } from 'vitest';
import { parseFrontMatter } from '../../src/prompt-pack/front-matter.js';
import { samplePath, unlockedPack } from './sample-pack.js';

const good = unlockedPack()[samplePath('P03')] ?? '';
const problemsOf = (text: string) => {
  const parsed = parseFrontMatter(text);
  return parsed.ok ? [] : parsed.problems.map(({ code, line }) => [code, line]);
};

test('parseFrontMatter: gives values, lines and body', () => {
  const parsed = parseFrontMatter(good);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  expect(parsed.frontMatter).toMatchObject({ prompt_id: 'P03', phase: '03', version: '1.2.3' });
  expect([parsed.lineOf('prompt_id'), parsed.lineOf('stop_conditions'), parsed.bodyLine]).toEqual([2, 13, 18]);
  expect(parsed.body).toContain('# P03');
});

test('parseFrontMatter: accepts Windows line ends, a byte order mark and an unquoted phase', () => {
  const text = `\uFEFF${good.replace('phase: "03"', 'phase: 03').replaceAll('\n', '\r\n')}`;
  const parsed = parseFrontMatter(text);
  expect(parsed.ok && parsed.frontMatter.phase).toBe('03');
});

test.each([
  ['no fence', good.slice(4), [['FRONT_MATTER_MISSING', 1]]],
  ['a fence that is not closed', good.replaceAll(/\n---\n/g, '\n'), [['FRONT_MATTER_MISSING', 1]]],
  ['an empty file', '', [['FRONT_MATTER_MISSING', 1]]],
  ['an empty block', '---\n---\n', [['FRONT_MATTER_INVALID', 2]]],
  ['broken YAML', good.replace('owner: "somebody"', 'owner: "somebody'), [['FRONT_MATTER_MALFORMED', 7]]],
  ['a key given twice', good.replace('phase: "03"', 'phase: "03"\nphase: "03"'), [['FRONT_MATTER_MALFORMED', 5]]],
  ['a custom tag', good.replace('owner: "somebody"', 'owner: !js x'), [['FRONT_MATTER_MALFORMED', 7]]],
  ['an unknown key', good.replace('owner:', 'colour: "red"\nowner:'), [['FRONT_MATTER_INVALID', 7]]],
  ['a missing key', good.replace('owner: "somebody"\n', ''), [['FRONT_MATTER_INVALID', 2]]],
  ['a version that is none', good.replace('"1.2.3"', '"1.2"'), [['FRONT_MATTER_INVALID', 6]]],
  ['a number for a text', good.replace('"somebody"', '7'), [['FRONT_MATTER_INVALID', 7]]],
  [
    'a text for a list',
    good.replace(/inputs_required:\n.*/, 'inputs_required: "request"'),
    [['FRONT_MATTER_INVALID', 9]],
  ],
  ['a phase of one digit', good.replace('phase: "03"', 'phase: 3'), [['FRONT_MATTER_INVALID', 4]]],
  ['no stop conditions', good.replace(/stop_conditions:\n.*/, 'stop_conditions: []'), [['STOP_CONDITIONS_EMPTY', 13]]],
  ['a blank stop condition', good.replace('"it makes no sense"', '"  "'), [['STOP_CONDITIONS_EMPTY', 14]]],
])('parseFrontMatter: refuses %s, with its line', (_, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
});

test('parseFrontMatter: refuses aliases that grow without end', () => {
  const bomb = ['a: &a ["x","x"]', 'b: &b [*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b]', 'd: [*c,*c,*c,*c]'].join('\n');
  expect(problemsOf(`---\n${bomb}\n---\n`)[0]?.[0]).toBe('FRONT_MATTER_MALFORMED');
});
