import { expect, test } from 'vitest';
import { findingSchema } from '../../src/contracts/run/findings.js';
import { FINDINGS_PER_RULE, judgePatch } from '../../src/rules/judge-change.js';
import { PATCH_RULE_IDS } from '../../src/rules/patch-rules.js';
import { changed, judged } from './patches.js';

const canary = `AKIA${'Q7RSTUVWXY2345ZB'}`;

test('judgePatch: an ordinary patch has no findings', () => {
  expect(judgePatch(judged([changed('src/a.ts')]))).toEqual({ findings: [], escalates: false });
});

test('PATCH_RULES: the table holds every rule, in the order of the reports', () => {
  expect(PATCH_RULE_IDS).toEqual([
    ...['applies', 'empty', 'scope', 'plan', 'plan_files', 'protected_tests', 'weakened_tests', 'check_definitions'],
    ...['dependencies', 'generated_files', 'licences', 'agent_files', 'paths', 'links', 'submodules', 'modes'],
    ...[
      'attributes',
      'binary',
      'hidden_text',
      'prompt_injection',
      'conflict_markers',
      'size',
      'secrets',
      'secret_candidates',
      'home_paths',
    ],
  ]);
});

test('applies: the reason of git apply is reported and does not escalate', () => {
  const { findings, escalates } = judgePatch(
    judged([changed('a')], { applies: { ok: false, reason: 'a: does not exist' } }),
  );
  expect(findings).toMatchObject([{ id: 'applies-1', severity: 'high', blocking: true }]);
  expect(findings[0]?.message).toContain('a: does not exist');
  expect(escalates).toBe(false);
});

test('empty: a patch without files fails', () => {
  expect(judgePatch(judged([], { bytes: new Uint8Array() })).findings).toMatchObject([
    { id: 'empty-1', rule: 'empty', severity: 'high', blocking: true },
  ]);
});

test('scope: both sides of a rename are judged', () => {
  const { findings, escalates } = judgePatch(
    judged([changed('src/b.ts', { status: 'renamed', old_path: 'lib/b.ts' })], {
      scopes: [{ allow: ['src/**'], deny: [] }],
    }),
  );
  expect(findings).toMatchObject([{ id: 'scope-1', severity: 'critical', blocking: true, path: 'lib/b.ts' }]);
  expect(escalates).toBe(true);
});

test('scope: a protected path is refused whatever the scope says', () => {
  const { findings } = judgePatch(judged([changed('.promptos/policy.yaml')], { protected_paths: ['.promptos/**'] }));
  expect(findings.map(({ rule }) => rule)).toEqual(['scope']);
});

test('plan: a file that the plan does not name fails and escalates, and both sides of a rename count', () => {
  const input = judged([changed('src/a.ts'), changed('src/c.ts', { status: 'renamed', old_path: 'src/b.ts' })], {
    planned_files: ['./src/a.ts', 'src/c.ts'],
  });
  const { findings, escalates } = judgePatch(input);
  expect(findings).toMatchObject([{ id: 'plan-1', severity: 'high', blocking: true, path: 'src/b.ts' }]);
  expect(escalates).toBe(true);
});

test('paths: a .git path and a link that leaves the tree are critical', () => {
  const { findings, escalates } = judgePatch(
    judged([changed('a/.GIT/hooks/x'), changed('out', { new_mode: '120000', status: 'added', old_mode: '000000' })], {
      lines: [{ path: 'out', line: 1, text: '../../etc/passwd' }],
    }),
  );
  expect(findings.filter(({ rule }) => rule === 'paths')).toMatchObject([
    { severity: 'critical', blocking: true, path: 'a/.GIT/hooks/x' },
    { severity: 'critical', blocking: true, path: 'out' },
  ]);
  expect(escalates).toBe(true);
});

test('paths: a link whose target the patch does not show is refused', () => {
  const link = changed('a', { new_mode: '120000', old_mode: '120000', status: 'renamed', old_path: 'b/a' });
  expect(judgePatch(judged([link])).findings.some(({ rule, blocking }) => rule === 'paths' && blocking)).toBe(true);
});

test('links: a link inside the tree is reported and does not block', () => {
  const { findings, escalates } = judgePatch(
    judged([changed('docs', { new_mode: '120000', status: 'added', old_mode: '000000' })], {
      lines: [{ path: 'docs', line: 1, text: 'src/docs' }],
    }),
  );
  expect(findings).toMatchObject([{ id: 'links-1', severity: 'medium', blocking: false }]);
  expect(escalates).toBe(false);
});

test.each([
  ['a new one', changed('lib', { status: 'added', old_mode: '000000', new_mode: '160000' })],
  ['one that goes', changed('lib', { status: 'deleted', old_mode: '160000', new_mode: '000000' })],
  ['where they come from', changed('.gitmodules')],
  ['where they come from, on a file system without case', changed('.GITMODULES')],
  ['the name that it had', changed('modules.txt', { status: 'renamed', old_path: '.GitModules' })],
])('submodules: %s is critical and escalates', (_what, file) => {
  const { findings, escalates } = judgePatch(judged([file]));
  expect(findings).toMatchObject([{ id: 'submodules-1', severity: 'critical', blocking: true }]);
  expect(escalates).toBe(true);
});

test('modes: an odd mode blocks, a newly executable file is reported', () => {
  expect(judgePatch(judged([changed('a', { new_mode: '104755' })])).findings).toMatchObject([
    { rule: 'modes', severity: 'high', blocking: true },
  ]);
  expect(judgePatch(judged([changed('a', { new_mode: '100755' })])).findings).toMatchObject([
    { rule: 'modes', severity: 'low', blocking: false },
  ]);
  expect(judgePatch(judged([changed('a', { old_mode: '100755', new_mode: '100755' })])).findings).toEqual([]);
});

test('binary: reported, not blocking, and not for a deleted file', () => {
  expect(judgePatch(judged([changed('a.png', { binary: true })])).findings).toMatchObject([
    { id: 'binary-1', severity: 'medium', blocking: false },
  ]);
  expect(
    judgePatch(judged([changed('a.png', { binary: true, status: 'deleted', new_mode: '000000' })])).findings,
  ).toEqual([]);
});

test('size: bytes and files over the limits of the policy each fail and escalate; the limit itself does not', () => {
  const limits = { patch_bytes: 5, patch_files: 1 };
  const { findings, escalates } = judgePatch(
    judged([changed('a'), changed('b')], { limits, bytes: new Uint8Array(6) }),
  );
  expect(findings.map(({ id, severity, blocking }) => [id, severity, blocking])).toEqual([
    ['size-1', 'high', true],
    ['size-2', 'high', true],
  ]);
  expect(escalates).toBe(true);
  expect(judgePatch(judged([changed('a')], { limits, bytes: new Uint8Array(5) })).findings).toEqual([]);
});

test('secrets: hits of the scanner and of our own list are critical, at their lines, and never show the secret', () => {
  const { findings, escalates } = judgePatch(
    judged([changed('a.ts')], {
      lines: [
        { path: 'a.ts', line: 4, text: 'const x = 1;' },
        { path: 'a.ts', line: 7, text: `key = "${canary}"` },
      ],
      secret_hits: [{ rule: 'scanner', path: 'a.ts', line: 4, message: 'SomeToken' }],
    }),
  );
  expect(findings.map(({ rule, severity, blocking, line }) => [rule, severity, blocking, line])).toEqual([
    ['secrets', 'critical', true, 4],
    ['secrets', 'critical', true, 7],
  ]);
  expect(escalates).toBe(true);
  expect(JSON.stringify(findings)).not.toContain(canary);
});

test('secrets: one in a file name is found without being repeated as the path of its finding', () => {
  const { findings } = judgePatch(judged([changed(`keys/${canary}.txt`)]));
  expect(findings).toMatchObject([{ rule: 'secrets', path: '(a file name)' }]);
  expect(JSON.stringify(findings)).not.toContain(canary);
});

test.each([
  '/Users/ada/x',
  'open("/home/ada/x")',
  'C:\\Users\\ada',
  'C:/Users/ada',
  'cat /root/.profile',
  'file:///home/ada',
])('home_paths: %j is refused', (text) => {
  const { findings, escalates } = judgePatch(judged([changed('a')], { lines: [{ path: 'a', line: 3, text }] }));
  expect(findings).toMatchObject([{ id: 'home_paths-1', severity: 'high', blocking: true, path: 'a', line: 3 }]);
  expect(escalates).toBe(false);
});

test.each(['https://example.org/home/ada', 'src/home/page.ts', '/homes/ada', '/rooted', '$HOME/x', '/Users/<name>/x'])(
  'home_paths: %j is left alone',
  (text) => {
    expect(judgePatch(judged([changed('a')], { lines: [{ path: 'a', line: 1, text }] })).findings).toEqual([]);
  },
);

test('judgePatch: findings of a rule are bounded, the last one counts the rest and blocks when they do', () => {
  const files = Array.from({ length: FINDINGS_PER_RULE + 50 }, (_, index) => changed(`x/${index}`));
  const { findings } = judgePatch(
    judged(files, { scopes: [{ allow: ['src/**'], deny: [] }], limits: { patch_bytes: 1_000, patch_files: 1_000 } }),
  );
  expect(findings).toHaveLength(FINDINGS_PER_RULE + 1);
  expect(findings.at(-1)).toMatchObject({ id: `scope-${FINDINGS_PER_RULE + 1}`, severity: 'critical', blocking: true });
  expect(findings.at(-1)?.message).toContain('50 more');
});

test('judgePatch: every finding fits the contract, whatever the names and reasons', () => {
  const { findings } = judgePatch(
    judged([changed('\n'.repeat(1_500)), changed(`${'ä'.repeat(3_000)}/.git/x`)], {
      scopes: [{ allow: ['g'.repeat(500), 'h'.repeat(500), 'i'.repeat(500)], deny: [] }],
      applies: { ok: false, reason: 'r'.repeat(9_000) },
      planned_files: [],
      secret_hits: [{ rule: 'x'.repeat(500), path: 'p'.repeat(2_000), line: 0, message: 'm'.repeat(5_000) }],
    }),
  );
  expect(findings.length).toBeGreaterThan(5);
  for (const finding of findings) expect(findingSchema.safeParse(finding).success).toBe(true);
});
