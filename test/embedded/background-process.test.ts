import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  backgroundProcessSchema,
  findProcess,
  readRecord,
  recordProcess,
  stopProcess,
} from '../../src/embedded/background-process.js';
import { isRunning, ownIdentity, processStarted } from '../../src/embedded/process-identity.js';
import { stateFiles } from '../../src/embedded/state-files.js';
import { findWorker, recordWorker, stopWorker } from '../../src/embedded/worker-process.js';

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-process-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Ignores SIGTERM when told to. `ready` is the file that says that it does. */
async function start(stubborn = false): Promise<number> {
  const ready = join(folder, `ready-${children.length}`);
  const child = spawn('/bin/sh', [
    '-c',
    `${stubborn ? "trap '' TERM;" : ''} : >"$0"; while :; do sleep 0.1; done`,
    ready,
  ]);
  children.push(child);
  await once(child, 'spawn');
  await expect.poll(() => existsSync(ready)).toBe(true);
  return child.pid ?? 0;
}

test('processStarted: tells this process, a dead one and an ended one that nobody reaped', async () => {
  expect(isRunning(ownIdentity())).toBe(true);
  expect(isRunning({ ...ownIdentity(), process_started: 'at another time' })).toBe(false);
  expect(processStarted(2 ** 22 + 1)).toBeNull();
  const parent = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(parent);
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  await expect.poll(() => processStarted(Number(chunk.toString()))).toBeNull();
});

test('findProcess: finds what was recorded while it runs, and what else was written there not at all', async () => {
  const file = join(folder, 'process.json');
  expect(await findProcess(file, backgroundProcessSchema)).toBeNull();
  const pid = await start();
  const record = recordProcess(file, { pid, log: join(folder, 'log') });
  expect(await findProcess(file, backgroundProcessSchema)).toEqual(record);
  expect(record && (await stopProcess(record, 5_000))).toBe('stopped');
  expect(await findProcess(file, backgroundProcessSchema)).toBeNull();
  expect(await readRecord(file, backgroundProcessSchema)).toEqual(record);
  expect(recordProcess(file, { pid, log: join(folder, 'log') })).toBeNull();
  await writeFile(file, '{"pid": 1');
  expect(await findProcess(file, backgroundProcessSchema)).toBeNull();
});

test('stopProcess: kills what ignores SIGTERM, once the grace is over', async () => {
  const pid = await start(true);
  const target = { pid, process_started: processStarted(pid) ?? '' };
  expect(await stopProcess(target, 200)).toBe('killed');
  expect(await stopProcess(target, 200)).toBe('gone');
});

test('stopProcess: leaves a stranger with the same number alone', async () => {
  const pid = await start();
  expect(await stopProcess({ pid, process_started: 'before' }, 200)).toBe('gone');
  expect(processStarted(pid)).not.toBeNull();
});

test('worker in the background: recorded, found, stopped, and its state file is gone', async () => {
  expect(await findWorker(folder)).toBeNull();
  const pid = await start();
  const record = recordWorker(folder, pid);
  expect(JSON.parse(await readFile(stateFiles(folder).worker, 'utf8'))).toEqual(record);
  expect(await findWorker(folder)).toEqual(record);
  expect(await stopWorker(folder)).toEqual(record);
  expect(existsSync(stateFiles(folder).worker)).toBe(false);
  expect(await stopWorker(folder)).toBeNull();
});
