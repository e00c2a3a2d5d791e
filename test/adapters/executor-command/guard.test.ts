import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { isRunning, until } from './processes.js';

const STAND_IN = resolve('test/fixtures/executors/worker-stand-in.mjs');
const LINUX = process.platform === 'linux';

let compiled: string;
let root: string;
let worker: ChildProcess;

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'promptos-compiled-'));
  writeFileSync(join(compiled, 'package.json'), '{"type":"module"}');
  const sources = ['guard.ts', 'guarded-process.ts'].map((file) => join('src/adapters/executor-command', file));
  const flags = '--ignoreConfig --rootDir src --target ES2022 --module nodenext --types node --strict --skipLibCheck';
  execFileSync(resolve('node_modules/.bin/tsc'), [...flags.split(' '), '--outDir', compiled, ...sources]);
});
afterAll(() => rm(compiled, { recursive: true, force: true }));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-guard-'));
});
afterEach(async () => {
  worker.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

/** Starts the stand-in in a process group of its own; gives the shell, its child, its deaf child, and the regrouped one. */
async function startWorker(): Promise<number[]> {
  const pidFile = join(root, 'pids');
  worker = spawn(process.execPath, [STAND_IN, compiled, root, pidFile], { detached: true, stdio: 'inherit' });
  await until(() => existsSync(pidFile));
  const pids = readFileSync(pidFile, 'utf8').trim().split(/\s+/).map(Number);
  expect(pids).toHaveLength(4);
  expect(pids.every(isRunning)).toBe(true);
  return pids;
}

/** What a broken guard would leave, and outside Linux the one that began a session of its own. */
function endLeftovers(pids: readonly number[]): void {
  for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
}

/** Outside Linux a process that began a session of its own is not found: the documentation says so. */
const within = (pids: readonly number[]) => (LINUX ? pids : pids.slice(0, 3));

test.each([
  ['alone', (pid: number) => process.kill(pid, 'SIGKILL')],
  ['with its process group', (pid: number) => process.kill(-pid, 'SIGKILL')],
])('guard: ends the executor and all that it started, worker killed %s', async (_case, kill) => {
  const pids = await startWorker();
  try {
    kill(worker.pid ?? 0);
    await until(() => !within(pids).some(isRunning));
    await until(() => !existsSync(join(root, 'scratch')));
  } finally {
    endLeftovers(pids);
  }
});

test('guard: the executor lives on while the worker does', async () => {
  const pids = await startWorker();
  try {
    await new Promise((done) => setTimeout(done, 1_000));
    expect(pids.every(isRunning)).toBe(true);
  } finally {
    worker.kill('SIGKILL');
    endLeftovers(pids);
  }
});
