import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { secretLintProfiler } from '@secretlint/profiler';
import { expect, test } from 'vitest';
import { createSecretlintScanner } from '../../../src/adapters/secrets/secret-scanners.js';

// Put together here, so that the repository itself holds nothing that looks like a secret.
const githubToken = `ghp_${'wWPw5k4aXcaT4fNP0'}${'UcnZwJUVFk6LO0pINUx'}`;
const awsSecret = `${'wJalrXUtnFEMI/K7MDENG'}/${'bPxRfiCYzqLXKEYKE1'}`;
const slackToken = ['xoxb', '123456789012', '1234567890123', 'a1B2c3D4e5F6g7H8i9J0k1L2'].join('-');
const privateKey = [
  `-----BEGIN RSA ${'PRIVATE'} KEY-----`,
  ...Array.from(
    { length: 24 },
    (_, row) => `MIIEpAIBAAKCAQEA04up8hoqzS1+APIB0RhjXyObwHQnOzhAk5Bd7mhkSbPk${1_000 + row}`,
  ),
  `-----END RSA ${'PRIVATE'} KEY-----`,
].join('\n');

test('secretlint scanner: a planted key is found at its file and line, and is never in the hit', async () => {
  const hits = await createSecretlintScanner().scan([
    { path: 'clean.ts', text: 'export const sum = 1;\n' },
    { path: 'src/a.ts', text: `// one\n\nconst token = "${githubToken}";\n` },
    { path: 'b.env', text: `AWS_SECRET_ACCESS_KEY=${awsSecret}\n` },
  ]);
  expect(hits.map(({ path, line, rule }) => [path, line, rule])).toEqual([
    ['src/a.ts', 3, '@secretlint/secretlint-rule-github'],
    ['b.env', 1, '@secretlint/secretlint-rule-aws'],
  ]);
  expect(JSON.stringify(hits)).not.toContain(githubToken);
  expect(JSON.stringify(hits)).not.toContain(awsSecret);
});

test.each([
  ['a Slack token', slackToken],
  ['a private key over several lines', privateKey],
])('secretlint scanner: %s is found', async (_what, text) => {
  expect(await createSecretlintScanner().scan([{ path: 'x.txt', text }])).not.toEqual([]);
});

test('secretlint scanner: comments in the text cannot switch it off', async () => {
  const text = `/* secretlint-disable */\n// secretlint-disable-next-line\n${githubToken}\n`;
  expect(await createSecretlintScanner().scan([{ path: 'a.js', text }])).toHaveLength(1);
});

test('secretlint scanner: a configuration file in the current folder changes nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-secretlint-'));
  const before = process.cwd();
  try {
    await writeFile(join(folder, '.secretlintrc.json'), '{"rules":[]}');
    await writeFile(join(folder, '.secretlintignore'), '**');
    process.chdir(folder);
    expect(await createSecretlintScanner().scan([{ path: 'a.js', text: githubToken }])).toHaveLength(1);
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true });
  }
});

test('secretlint scanner: no text, an empty text and odd names are clean', async () => {
  const scanner = createSecretlintScanner();
  expect(await scanner.scan([])).toEqual([]);
  expect(await scanner.scan([{ path: 'a "b"\n.ts', text: '' }])).toEqual([]);
});

test('secretlint scanner: nothing is kept of a scan, however many there are', async () => {
  const scanner = createSecretlintScanner();
  for (let scan = 0; scan < 3; scan += 1) await scanner.scan([{ path: 'src/a.ts', text: githubToken }]);
  expect(await secretLintProfiler.getEntries()).toEqual([]);
  expect(await secretLintProfiler.getMeasures()).toEqual([]);
  expect(performance.getEntries().filter(({ name }) => name.includes('@'))).toEqual([]);
});
