import { describe, expect, test } from 'vitest';
import { INDEX_PATH, LOCK_PATH, lintPack } from '../../src/prompt-pack/index.js';
import { asJson, edited, locked, sampleIndex, samplePath, unlockedPack } from './sample-pack.js';

const good = locked(unlockedPack());
const P01 = samplePath('P01');

const findingsOf = (files: Record<string, string>) =>
  lintPack(files).findings.map(({ code, path, line }) => `${path}:${line} ${code}`);

/** The good pack with another index, locked as it then is. */
const withIndex = (change: (index: ReturnType<typeof sampleIndex>) => void) => {
  const index = sampleIndex();
  change(index);
  return locked({ ...unlockedPack(), [INDEX_PATH]: asJson(index) });
};
const entry = (index: ReturnType<typeof sampleIndex>, position: number) => {
  const found = index.prompts[position];
  if (found === undefined) throw new Error('no such entry');
  return found;
};

describe('lintPack', () => {
  test('lintPack: a correct pack passes without a finding', () => {
    expect(lintPack(good)).toEqual({ passed: true, findings: [] });
  });

  test('lintPack: nothing at all does not pass', () => {
    expect(lintPack({})).toMatchObject({ passed: false, findings: [{ code: 'INDEX_MISSING', severity: 'error' }] });
  });

  test('lintPack: a pack without a lock passes with a warning', () => {
    expect(lintPack(unlockedPack())).toMatchObject({
      passed: true,
      findings: [{ severity: 'warning', code: 'LOCK_MISSING', path: LOCK_PATH, line: 1 }],
    });
  });

  test('lintPack: a file that the index does not name is a warning', () => {
    expect(lintPack({ ...good, 'notes.md': 'text' })).toMatchObject({
      passed: true,
      findings: [{ severity: 'warning', code: 'FILE_UNLISTED', path: 'notes.md' }],
    });
  });

  test('lintPack: a prompt that maps to another gate is a warning', () => {
    const files = withIndex((index) => {
      entry(index, 1).maps_to_gate = '03';
    });
    const result = lintPack(locked(edited(files, P01, 'maps_to_gate: "P01"', 'maps_to_gate: "P03"')));
    expect(result).toMatchObject({ passed: true, findings: [{ code: 'GATE_MISMATCH', path: P01, line: 5 }] });
  });

  test.each([
    ['broken JSON', edited(good, INDEX_PATH, '"somebody",', '"somebody"'), [`${INDEX_PATH}:14 INDEX_MALFORMED`]],
    ['JSON that ends early', { ...good, [INDEX_PATH]: '{\n"a": [\n' }, [`${INDEX_PATH}:3 INDEX_MALFORMED`]],
    [
      'a key given twice in the index',
      edited(good, INDEX_PATH, '"schema_version": "1",', '"schema_version": "1",\n  "schema_version": "1",'),
      [`${INDEX_PATH}:3 INDEX_MALFORMED`],
    ],
    [
      'an unknown key in the index',
      edited(good, INDEX_PATH, '"schema_version": "1",', '"schema_version": "1",\n  "colour": "red",'),
      [`${INDEX_PATH}:3 INDEX_INVALID`],
    ],
    [
      'a path that leaves the pack',
      edited(good, INDEX_PATH, 'gates/P01', '../P01'),
      [`${INDEX_PATH}:22 INDEX_INVALID`],
    ],
    [
      'a prompt that is not one of the seven',
      edited(good, INDEX_PATH, '"P01"', '"P02"'),
      [`${INDEX_PATH}:17 INDEX_INVALID`],
    ],
  ])('lintPack: an index with %s fails', (_, files, expected) => {
    expect(findingsOf(files)).toEqual(expected);
    expect(lintPack(files).passed).toBe(false);
  });

  test('lintPack: a missing prompt of the seven fails', () => {
    const files = withIndex((index) => index.prompts.pop());
    expect(findingsOf(files)).toEqual(['gates/P08.md:1 FILE_UNLISTED', `${INDEX_PATH}:5 PROMPT_MISSING`]);
    expect(lintPack(files).passed).toBe(false);
  });

  test('lintPack: an indexed file that is not there fails', () => {
    const { [P01]: _, ...rest } = unlockedPack();
    expect(findingsOf(locked(rest))).toEqual([`${INDEX_PATH}:22 FILE_MISSING`]);
  });

  test('lintPack: an id and a path named twice fail', () => {
    const files = withIndex((index) => index.prompts.push({ ...entry(index, 0) }));
    expect(findingsOf(files)).toEqual([`${INDEX_PATH}:77 PROMPT_DUPLICATE`, `${INDEX_PATH}:82 PATH_DUPLICATE`]);
  });

  test.each([
    ['prompt_id: "P01"', 'prompt_id: "P03"', 2],
    ['name: "Prompt P01"', 'name: "Another"', 3],
    ['phase: "01"', 'phase: "03"', 4],
    ['version: "1.2.3"', 'version: "1.2.4"', 6],
    ['owner: "somebody"', 'owner: "somebody else"', 7],
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:01Z', 8],
  ])('lintPack: front matter that differs from its index entry fails, %s → %s', (from, to, line) => {
    const files = locked(edited(unlockedPack(), P01, from, to));
    expect(findingsOf(files)).toContain(`${P01}:${line} INDEX_MISMATCH`);
    expect(lintPack(files).passed).toBe(false);
  });

  test('lintPack: a prompt that differs from the lock fails at the line of the lock', () => {
    expect(findingsOf(edited(good, P01, 'Do the work', 'Do no work'))).toEqual([`${LOCK_PATH}:11 LOCK_MISMATCH`]);
  });

  test.each([
    ['{', [`${LOCK_PATH}:1 LOCK_MALFORMED`]],
    ['{\n"schema_version": 2,\n"prompt_os_version": "v1", "prompts": {} }', [`${LOCK_PATH}:2 LOCK_INVALID`]],
  ])('lintPack: a lock that is %j fails', (text, expected) => {
    expect(findingsOf({ ...good, [LOCK_PATH]: text })).toEqual(expected);
  });

  test('lintPack: a lock that names no prompt fails for each', () => {
    const { passed, findings } = lintPack(edited(good, LOCK_PATH, /"prompts": \{[\s\S]*\n {2}\}/, '"prompts": {}'));
    expect(passed).toBe(false);
    expect(findings.filter(({ code }) => code === 'LOCK_MISMATCH')).toHaveLength(14);
  });

  test('lintPack: a prompt without a body fails', () => {
    expect(findingsOf(locked(edited(unlockedPack(), P01, /\n# P01[\s\S]*/, '\n')))).toEqual([`${P01}:18 BODY_EMPTY`]);
  });

  const inBody = (text: string) => locked(edited(unlockedPack(), P01, 'Do the work', `${text}\nDo the work`));

  test.each(['/Users/ada/x', 'see /home/ada', '(/root)', 'C:\\Users\\ada', '"c:/Users/ada"', 'file:///home/ada'])(
    'lintPack: the path %s fails',
    (text) => {
      expect(findingsOf(inBody(text))).toEqual([`${P01}:21 ABSOLUTE_PATH`]);
    },
  );

  test.each([
    'https://example.org/home/ada',
    'src/home/page.ts',
    '~/home',
    '/root-cause',
    'the /homes of bees',
    './Users',
  ])('lintPack: %s is no path of a machine', (text) => {
    expect(findingsOf(inBody(text))).toEqual([]);
  });

  test('lintPack: a secret fails and is not repeated', () => {
    const secret = `${'AKIA'}Q7RK2VXT9MZP4LWB`;
    const result = lintPack(inBody(secret));
    expect(result).toMatchObject({ passed: false, findings: [{ code: 'SECRET', path: P01, line: 21 }] });
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  test.each(['<<<PROMPTOS-DATA request>>>', '<<<END PROMPTOS-DATA request>>>'])(
    'lintPack: a prompt that writes the marker %s fails',
    (text) => {
      expect(findingsOf(inBody(text))).toEqual([`${P01}:21 DATA_MARKER`]);
    },
  );
});
