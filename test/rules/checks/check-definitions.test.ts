import { expect, test } from 'vitest';
import { findingsOf } from '../written-patches.js';

const only = (files: Parameters<typeof findingsOf>[1]) => findingsOf('check_definitions', files);

test.each([
  ['.github/workflows/ci.yml', 'high'],
  ['.gitlab-ci.yml', 'high'],
  ['Jenkinsfile', 'high'],
  ['.circleci/config.yml', 'high'],
  ['azure-pipelines.yml', 'high'],
  ['vitest.config.ts', 'medium'],
  ['web/playwright.config.js', 'medium'],
  ['.mocharc.json', 'medium'],
  ['.nycrc', 'medium'],
  ['pytest.ini', 'medium'],
  ['tests/conftest.py', 'medium'],
  ['biome.json', 'low'],
  ['eslint.config.mjs', 'low'],
  ['.github/CODEOWNERS', 'high'],
  ['tools/lint/action.yml', 'high'],
  ['vite.config.ts', 'medium'],
  ['Makefile', 'low'],
  ['deep/GNUmakefile', 'low'],
  ['justfile', 'low'],
])('check_definitions: %s is named with both sides', (path, severity) => {
  const [finding, ...more] = only({ [path]: ['-run: npm test', '+run: true'] });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity, blocking: false, path });
  expect(finding?.message).toContain('before "run: npm test", now "run: true"');
});

test('check_definitions: scripts are named with both values, those of checks above others', () => {
  const script = (before: string, after: string) =>
    only({ 'package.json': ['   "scripts": {', `-    ${before}`, `+    ${after}`, '   }'] });
  expect(script('"test": "vitest run"', '"test": "true"')).toMatchObject([
    { severity: 'high', message: 'The script "test" of package.json is "true"; it was "vitest run".' },
  ]);
  expect(script('"dev": "vite"', '"dev": "vite --host"')).toMatchObject([{ severity: 'low' }]);
  expect(only({ 'package.json': ['   "scripts": {', '-    "lint": "biome ci ."', '   }'] })).toMatchObject([
    { severity: 'high', message: 'The script "lint" of package.json is removed; it was "biome ci .".' },
  ]);
});

test.each([
  ['vitest.config.ts', '-      thresholds: { lines: 90 },', '+      thresholds: { lines: 80 },', 'lowered to 80'],
  ['pyproject.toml', '-fail_under = 95', '+fail_under = 50.5', 'lowered to 50.5'],
  ['.coveragerc', '-fail_under = 95', '+# none', 'removed'],
  ['codecov.yml', '-        target: 80%', '+        target: 10%', 'lowered to 10'],
])('check_definitions: a lower threshold of coverage in %s is named (%#)', (path, before, after, what) => {
  const lowered = only({ [path]: [before, after] }).filter(({ message }) => message.includes('threshold "'));
  expect(lowered).toMatchObject([{ severity: 'high', message: expect.stringContaining(what) }]);
});

test.each([
  ['package.json', ['-  "version": "1.0.0",', '+  "version": "1.0.1",']],
  ['package.json', ['-  "description": "a tool",', '+  "description": "a good tool",']],
  ['package.json', ['   "dependencies": {', '-    "a": "1.0.0"', '+    "a": "1.0.1"', '   }']],
  ['src/workflows/run.yml', ['+a: 1']],
  ['src/vite.ts', ['-const lines = 90;', '+const lines = 80;']],
  ['docs/ci.md', ['+lines: 80']],
])('check_definitions: %s is fine (%#)', (path, lines) => {
  expect(only({ [path]: lines })).toEqual([]);
});

test('check_definitions: a threshold that rises is not named as one that falls', () => {
  const found = only({ 'vitest.config.ts': ['-lines: 80,', '+lines: 90,'] });
  expect(found).toHaveLength(1);
  expect(found[0]?.message).not.toContain('threshold "');
});

test('check_definitions: a script of a package.json that is written on one line is named', () => {
  const line = (script: string) =>
    `{"name":"x","scripts":{"test":"${script}","b":"x y"},"dependencies":{"a":"^1.0.0"}}`;
  expect(only({ 'package.json': [`-${line('vitest run')}`, `+${line('true')}`] })).toMatchObject([
    { severity: 'high', message: 'The script "test" of package.json is "true"; it was "vitest run".', line: 1 },
  ]);
});
