import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findProgram } from '../../src/adapters/platform/find-program.js';
import { pathWithBubblewrap } from '../support/stand-in-bubblewrap.js';

const SCRIPT = fileURLToPath(new URL('../../.ci/run', import.meta.url));

// Replaces the test runner: writes the given results, and ends with the given exit code.
const RUNNER = `
import { writeFileSync } from 'node:fs';
const option = process.argv.find((argument) => argument.startsWith('--outputFile.json='));
const { RESULTS, RUNNER_EXIT } = process.env;
if (RESULTS) writeFileSync(option.slice(option.indexOf('=') + 1), RESULTS);
process.exit(Number(RUNNER_EXIT));
`;

let project: string;
/** With bubblewrap, so that nothing is to be installed. */
let path: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'promptos-ci-'));
  await cp(SCRIPT, join(project, '.ci/run'), { recursive: true });
  const manifest = {
    name: 'clean-checkout',
    version: '1.0.0',
    scripts: { test: 'node runner.mjs', verify: 'node -e "process.exit(+process.env.LINT_EXIT)" && npm test' },
  };
  const lock = { name: 'clean-checkout', version: '1.0.0', lockfileVersion: 3, packages: { '': manifest } };
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(project, 'package-lock.json'), JSON.stringify(lock));
  await writeFile(join(project, 'runner.mjs'), RUNNER);
  path = await pathWithBubblewrap('works', join(project, 'bin'));
});
afterEach(() => rm(project, { recursive: true, force: true }));

function ciRun(env: Record<string, string>): Promise<{ code: number; lastLine: string; stderr: string }> {
  const all = { PATH: path, LINT_EXIT: '0', RUNNER_EXIT: '0', ...env };
  return new Promise((resolve) => {
    execFile(join(project, '.ci/run'), { env: all }, (error, stdout, stderr) => {
      resolve({
        code: error === null ? 0 : Number(error.code),
        lastLine: stdout.trim().split('\n').at(-1) ?? '',
        stderr,
      });
    });
  });
}

const results = (numPassedTests: number, numFailedTests: number, success: boolean): string => {
  const tests = Array.from({ length: numFailedTests }, () => ({ status: 'failed' }));
  const files = numFailedTests === 0 ? [] : [{ status: 'failed', assertionResults: tests }];
  return JSON.stringify({ numPassedTests, numFailedTests, success, testResults: files });
};

test('.ci/run: ends with what the runner counted, and 0', async () => {
  expect(await ciRun({ RESULTS: results(12, 0, true) })).toMatchObject({ code: 0, lastLine: '12 passed, 0 failed' });
});

test('.ci/run: keeps the exit code of failing tests, and counts them', async () => {
  const outcome = await ciRun({ RESULTS: results(11, 1, false), RUNNER_EXIT: '1' });
  expect(outcome).toMatchObject({ code: 1, lastLine: '11 passed, 1 failed' });
});

test('.ci/run: counts a test file that could not be loaded as a failure', async () => {
  const unloaded = { status: 'failed', assertionResults: [] };
  const RESULTS = JSON.stringify({ numPassedTests: 4, numFailedTests: 0, success: false, testResults: [unloaded] });
  expect(await ciRun({ RESULTS, RUNNER_EXIT: '1' })).toMatchObject({ code: 1, lastLine: '4 passed, 1 failed' });
});

test('.ci/run: fails when not one test ran, though the runner says success', async () => {
  expect(await ciRun({ RESULTS: results(0, 0, true) })).toMatchObject({ code: 1, lastLine: '0 passed, 0 failed' });
});

test('.ci/run: fails when the runner left no results', async () => {
  expect((await ciRun({})).code).toBe(1);
});

test('.ci/run: fails without a count when lint fails', async () => {
  const outcome = await ciRun({ LINT_EXIT: '1', RESULTS: results(12, 0, true) });
  expect(outcome.code).toBe(1);
  expect(outcome.lastLine).not.toContain('passed');
});

const NEEDED = ['bash', 'cat', 'dirname', 'env', 'id', 'mktemp', 'node', 'npm', 'rm', 'sh', 'timeout'];

/** Programs of this machine without bubblewrap, and an `apt-get` that notes its calls and ends with this exit code. */
async function withoutBubblewrap(exit: number): Promise<{ readonly PATH: string; calls(): Promise<string[]> }> {
  const folder = join(project, 'programs');
  await mkdir(folder);
  for (const name of NEEDED) {
    const program = findProgram(name, process.env.PATH);
    await symlink(await realpath(program ?? name), join(folder, name));
  }
  const log = join(project, 'calls');
  const script = `#!/bin/sh\necho "$*" >> "${log}"\necho noise\nexit ${exit}\n`;
  await writeFile(join(folder, 'apt-get'), script, { mode: 0o755 });
  return { PATH: folder, calls: async () => (await readFile(log, 'utf8')).trim().split('\n') };
}

const onDebianAsRoot = test.skipIf(process.getuid?.() !== 0 || !existsSync('/etc/debian_version'));

onDebianAsRoot('.ci/run: installs bubblewrap where it is missing, without a word', async () => {
  const { PATH, calls } = await withoutBubblewrap(0);
  const outcome = await ciRun({ RESULTS: results(12, 0, true), PATH });
  expect(outcome).toMatchObject({ code: 0, lastLine: '12 passed, 0 failed', stderr: '' });
  expect(await calls()).toEqual(['update', 'install --yes --no-install-recommends bubblewrap']);
});

onDebianAsRoot('.ci/run: says so and goes on where bubblewrap cannot be installed', async () => {
  const { PATH } = await withoutBubblewrap(100);
  const outcome = await ciRun({ RESULTS: results(12, 0, true), PATH });
  expect(outcome).toMatchObject({ code: 0, lastLine: '12 passed, 0 failed' });
  expect(outcome.stderr).toContain('bubblewrap could not be installed');
});
