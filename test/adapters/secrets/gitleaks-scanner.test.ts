import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { collectContent } from '../../../src/adapters/platform/collect-bytes.js';
import { createLauncher } from '../../../src/adapters/platform/launcher.js';
import { markOf } from '../../../src/adapters/platform/process-identity.js';
import { createGitleaksScanner, createSecretScanners } from '../../../src/adapters/secrets/secret-scanners.js';
import type { LongPatch } from '../../../src/contracts/record/long-patch.js';
import { wholeChange } from '../../../src/rules/patch/added-lines.js';
import { addedTexts } from '../../../src/rules/patch/patch-lines.js';
import { changed } from '../../rules/patches.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-gitleaks-test-'));
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'tmp'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A program that takes gitleaks' arguments and reports each line that says `leak` and is not excused. */
const STAND_IN = `#!${process.execPath}
const fs = require('node:fs'), path = require('node:path');
const given = (name) => process.argv[process.argv.indexOf(name) + 1];
if (process.argv[2] !== 'detect' || !process.argv.includes('--no-git') || !process.argv.includes('--redact')) process.exit(9);
fs.writeFileSync(path.join(__dirname, 'seen.json'), JSON.stringify({ environment: Object.keys(process.env), cwd: process.cwd() }));
const found = [];
for (const name of fs.readdirSync(given('--source'))) {
  fs.readFileSync(path.join(given('--source'), name), 'utf8').split('\\n').forEach((line, index) => {
    if (/leak-[a-z]+/.test(line) && !line.includes('gitleaks:allow')) found.push({ RuleID: 'generic-api-key', Description: 'd', StartLine: index + 1, EndLine: index + 1, Match: 'REDACTED', Secret: 'REDACTED', File: path.join(given('--source'), name), Fingerprint: name + ':generic-api-key:' + (index + 1) });
  });
}
fs.writeFileSync(given('--report-path'), JSON.stringify(found));
`;

const install = (program: string) => writeFile(join(folder, 'bin', 'gitleaks'), program, { mode: 0o755 });
const programs = createLauncher(process.env.PATH);
afterAll(() => programs.close());
const scanner = (path = join(folder, 'bin')) =>
  createGitleaksScanner({ path, programs, temporaryDir: join(folder, 'tmp') });
const files = [
  { path: '../odd "name".ts', text: 'one\ntwo leak-abc gitleaks:allow\n' },
  { path: 'clean.ts', text: 'nothing' },
];

test('gitleaks scanner: hits are candidates at their file and line, and an excuse in the text does not count', async () => {
  await install(STAND_IN);
  expect(await scanner().scan(files)).toEqual([
    {
      rule: 'gitleaks-generic-api-key',
      path: '../odd "name".ts',
      line: 2,
      message: 'looks like a credential to gitleaks',
      confidence: 'candidate',
    },
  ]);
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
});

test('gitleaks scanner: texts that a process left when it was killed go at the next scan, whichever it is', async () => {
  await install(STAND_IN);
  await scanner().scan(files);
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 120_000)'], { stdio: 'ignore' });
  const left = join(folder, 'tmp', `promptos-gitleaks-${markOf(child.pid ?? 0)}-left`);
  await mkdir(left);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await scanner().scan(files);
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
});

test('gitleaks scanner: the program sees a folder of its own and nothing of the worker', async () => {
  await install(STAND_IN);
  await scanner().scan(files);
  const seen = JSON.parse(await readFile(join(folder, 'bin', 'seen.json'), 'utf8'));
  expect(seen.environment.filter((name: string) => !name.startsWith('__')).sort()).toEqual(['HOME', 'PATH']);
  expect(seen.cwd).toContain('promptos-gitleaks-');
});

test.each([
  ['an exit code', `#!${process.execPath}\nprocess.exit(2)`],
  ['no report', `#!${process.execPath}\n`],
])('gitleaks scanner: %s is an error, not a clean text', async (_, program) => {
  await install(program);
  await expect(scanner().scan(files)).rejects.toMatchObject({ code: 'SECRET_SCAN_FAILED' });
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
});

test('gitleaks scanner: where it is not installed nothing is found, and a relative PATH is not searched', async () => {
  expect(await scanner().scan(files)).toEqual([]);
  expect(await scanner('bin:.').scan(files)).toEqual([]);
});

/** Of the form of a GitHub token; it is none. */
const TOKEN = `ghp_${'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36)}`;

function longChange(): LongPatch {
  const lines = [
    ...Array.from({ length: 60_000 }, () => 'a line of a large file, and no secret'),
    `token = "${TOKEN}"`,
    'leak-abc',
    'a hunter2-hunter2',
  ];
  const head = [
    'diff --git a/src/a.ts b/src/a.ts',
    '--- a/src/a.ts',
    '+++ b/src/a.ts',
    `@@ -0,0 +1,${lines.length} @@`,
  ];
  const collector = collectContent(Number.POSITIVE_INFINITY, folder);
  collector.add(Buffer.from(`${[...head, ...lines.map((line) => `+${line}`)].join('\n')}\n`));
  const bytes = collector.bytes();
  const parts = { files: [changed('src/a.ts')], moved_links: [], binaries: [] };
  return { ...parts, bytes, shown: bytes, release: () => undefined };
}

test('secret scanners: find in a long change, out of memory, what they find in its texts', async () => {
  await install(STAND_IN);
  const passed = [{ MY_TOKEN: 'hunter2-hunter2' }];
  const scanners = createSecretScanners({
    path: join(folder, 'bin'),
    programs,
    temporaryDir: join(folder, 'tmp'),
    passed,
  });
  const change = longChange();
  const hits = await scanners.scanLong?.(change, new AbortController().signal);
  expect(hits?.map(({ line }) => line).sort()).toEqual([60_001, 60_002, 60_003]);
  const whole = await scanners.scan(addedTexts(await wholeChange(change)));
  expect(new Set(hits)).toEqual(new Set(whole));
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
});
