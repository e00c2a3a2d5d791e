import { describe, expect, test } from 'vitest';
import { lintPack } from '../../src/prompt-pack/lint.js';
import { INDEX_PATH, LOCK_PATH } from '../../src/prompt-pack/pack-digest.js';
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
      'JSON with a bare word',
      edited(good, INDEX_PATH, '"somebody",', 'somebody,'),
      [`${INDEX_PATH}:13 INDEX_MALFORMED`],
    ],
    [
      'JSON with a text on two lines',
      edited(good, INDEX_PATH, '"somebody",', '"some\nbody",'),
      [`${INDEX_PATH}:13 INDEX_MALFORMED`],
    ],
    ['a byte order mark', edited(good, INDEX_PATH, '{', '\uFEFF{'), [`${INDEX_PATH}:1 INDEX_MALFORMED`]],
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

  test('lintPack: a missing indexed file fails', () => {
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

  test.each([
    'see /home/ada/notes',
    '/Users/jane.doe/src/x',
    'cd /home/jane/project',
    'C:\\Users\\Jane\\src',
    'Read /root/notes.txt',
    '[notes](/Users/jane/notes.md)',
    'file:///Users/jane/notes.md',
  ])('lintPack: %s is an error', (text) => {
    expect(lintPack(inBody(text)).passed).toBe(false);
  });

  test.each([
    'Close the element with </root>.',
    'Answer with <root><a/></root>, as XML.',
    'The path is /home/user/.config or /Users/yourname.',
    'In CI the checkout is /home/runner/work, /Users/runner/work or /github/home.',
    'The image works in /home/node/app.',
    '`import x from "@/home/page"` is an alias.',
    'Containers have `WORKDIR /home/app`.',
  ])('lintPack: %s is no finding', (text) => {
    expect(findingsOf(inBody(text))).toEqual([]);
  });

  test.each([
    'Call `GET /Users/active/all`.',
    "The route is `app.get('/home/offers/today')`.",
    'Open "/home/dashboard".',
    'Run `docker run -v $PWD:/root/x image`.',
  ])('lintPack: %s is a warning', (text) => {
    expect(lintPack(inBody(text))).toMatchObject({
      passed: true,
      findings: [{ severity: 'warning', code: 'ABSOLUTE_PATH', line: 21 }],
    });
  });

  test('lintPack: a run with rules version 1 is judged by the linter of its time', () => {
    const files = inBody('Close the element with </root>.');
    expect(lintPack(files, 2).passed).toBe(true);
    expect(lintPack(files, 1)).toMatchObject({ passed: false, findings: [{ code: 'ABSOLUTE_PATH', line: 21 }] });
  });

  const token = `${'ghp'}_${'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'}`;
  const allowing = (entries: string, body: string) =>
    locked(
      edited(
        edited(unlockedPack(), P01, 'constitution_alignment:', `lint_allow:\n${entries}\nconstitution_alignment:`),
        P01,
        'Do the work',
        `${body}\nDo the work`,
      ),
    );
  const allow = (code: string, text: string, reason = 'a sample of the documentation') =>
    `  - code: ${code}\n    text: '${text}'\n    reason: "${reason}"`;

  test.each([
    ['SECRET', token, `Such as ${token}.`],
    ['ABSOLUTE_PATH', '/home/ada/notes', 'Read /home/ada/notes first.'],
  ])('lintPack: an allowance with a reason makes %s a warning that shows the reason', (code, text, body) => {
    expect(lintPack(inBody(body)).passed).toBe(false);
    const { passed, findings } = lintPack(allowing(allow(code, text), body));
    expect(findings).toMatchObject([
      {
        severity: 'warning',
        code,
        path: P01,
        message: expect.stringContaining('allowed: a sample of the documentation'),
      },
    ]);
    expect(passed).toBe(true);
  });

  test('lintPack: an allowance covers neither another text, nor another code, nor another file', () => {
    const other = token.replace('a1B2', 'b2C3');
    expect(lintPack(allowing(allow('SECRET', token), `${token} and\n${other}`)).passed).toBe(false);
    expect(lintPack(allowing(allow('ABSOLUTE_PATH', token), token)).passed).toBe(false);
    const files = edited(allowing(allow('SECRET', token), token), samplePath('P03'), 'Do the work', `${token}\nDo`);
    expect(lintPack(locked(files)).passed).toBe(false);
  });

  test('lintPack: an allowance that is not used is a warning; one without a reason or of another code is an error', () => {
    expect(lintPack(allowing(allow('SECRET', token), 'Nothing.'))).toMatchObject({
      passed: true,
      findings: [{ severity: 'warning', code: 'ALLOWANCE_UNUSED', path: P01, line: 15 }],
    });
    for (const entry of [allow('SECRET', token, ' '), allow('DATA_MARKER', '<<<PROMPTOS-DATA')]) {
      expect(findingsOf(allowing(entry, 'Nothing.')).join()).toContain('FRONT_MATTER_INVALID');
    }
  });

  test('lintPack: a sample token that says that it is one is no error', () => {
    const sample = `${'ghp'}_${'EXAMPLE0k1L2m3N4o5P6q7R8a1B2c3D4e5F6'}`;
    expect(lintPack(inBody(`Such as ${sample}.`)).passed).toBe(true);
    expect(lintPack(inBody(`Such as ${token} of https://example.org/${token}.`)).passed).toBe(false);
  });
});
