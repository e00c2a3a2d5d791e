import { expect, test } from 'vitest';
import { createScopeJudgement, pathAllowed } from '../../../src/rules/paths/scope-matching.js';

const scope = (allow: string[], deny: string[] = []) => ({ allow, deny });

test('pathAllowed: a path is in when some allow glob matches, dot files included', () => {
  expect(pathAllowed('src/a/b.ts', [scope(['docs/**', 'src/**'])])).toBe(true);
  expect(pathAllowed('src/.hidden/x', [scope(['src/**'])])).toBe(true);
  expect(pathAllowed('other/a.ts', [scope(['src/**'])])).toBe(false);
});

test('pathAllowed: every scope must allow the path', () => {
  expect(pathAllowed('src/a.ts', [scope(['src/**']), scope(['src/a.ts'])])).toBe(true);
  expect(pathAllowed('src/b.ts', [scope(['src/**']), scope(['src/a.ts'])])).toBe(false);
});

test('pathAllowed: without any scope nothing is allowed', () => {
  expect(pathAllowed('src/a.ts', [])).toBe(false);
});

test('pathAllowed: a deny glob of any scope, or a protected path, wins over every allow glob', () => {
  expect(pathAllowed('src/gen/a.ts', [scope(['**']), scope(['**'], ['src/gen/**'])])).toBe(false);
  expect(pathAllowed('.promptos/policy.yaml', [scope(['**'])], ['.promptos/**'])).toBe(false);
});

test('pathAllowed: case makes a difference where it allows, none where it forbids', () => {
  expect(pathAllowed('SRC/a.ts', [scope(['src/**'])])).toBe(false);
  for (const path of ['src/Secret/a.ts', 'SRC/secret/A.TS']) {
    expect(pathAllowed(path, [scope(['**'], ['src/secret/**'])])).toBe(false);
    expect(pathAllowed(path, [scope(['**']), scope(['**'], ['Src/SECRET/a.ts'])])).toBe(false);
  }
  expect(pathAllowed('.PromptOS/policy.yaml', [scope(['**'])], ['.promptos/**'])).toBe(false);
});

test('createScopeJudgement: the reason names the glob', () => {
  const judgement = createScopeJudgement([scope(['src/**'], ['src/gen/**'])], ['test/**']);
  expect(judgement('src/a.ts')).toBeNull();
  expect(judgement('src/gen/a.ts')).toBe('denied by "src/gen/**"');
  expect(judgement('test/a.ts')).toBe('protected by the policy\'s "test/**"');
  expect(judgement('README.md')).toBe('matched by none of the allowed "src/**"');
});

const EXPLODING = ['+(+(a|aa)+(a))+(a|a)', '*a*a*a*a*a*a*a*b', '**/a/**/a/**/a/**/a/**/b', '@(a|@(b))'];

test.each(EXPLODING)(
  'createScopeJudgement: %j, which could match for hours, allows nothing and forbids everything',
  (glob) => {
    const path = `${'a'.repeat(200)}!`;
    expect(pathAllowed(path, [scope([glob])])).toBe(false);
    for (const version of [1, 2]) {
      expect(createScopeJudgement([scope(['**'], [glob])], [], version)('x')).toContain('too complex');
    }
  },
);

test.each(['(a+)+b', '{a,aa}+b'])(
  'createScopeJudgement: %j is too complex in version 1, and a plain name since',
  (glob) => {
    const path = `${'a'.repeat(200)}!`;
    expect(createScopeJudgement([scope(['**'], [glob])], [], 1)('x')).toContain('too complex');
    expect(createScopeJudgement([scope([glob])])(path)).toContain('matched by none');
    expect(createScopeJudgement([scope([glob])])(glob.replace('{a,aa}', 'aa'))).toBeNull();
  },
);

test('pathAllowed: ordinary alternatives and exclusions stay', () => {
  expect(pathAllowed('src/a.test.ts', [scope(['src/**/*.{test,spec}.ts'])])).toBe(true);
  expect(pathAllowed('src/a.gen.ts', [scope(['src/!(*.gen).ts'])])).toBe(false);
  expect(pathAllowed('src/a.ts', [scope(['src/!(*.gen).ts'])])).toBe(true);
});

test('pathAllowed: a path that is written out matches itself, whatever its characters mean in a glob', () => {
  expect(pathAllowed('app/(auth)/[id]/page.tsx', [scope(['app/(auth)/[id]/page.tsx'])])).toBe(true);
  expect(pathAllowed('app/(auth)/[id]/page.tsx', [scope(['**'], ['app/(auth)/[id]/page.tsx'])])).toBe(false);
});
