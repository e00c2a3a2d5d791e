import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processStarted } from '../../src/adapters/platform/process-identity.js';
import {
  backgroundProcessSchema,
  findProcess,
  readRecord,
  recordProcess,
  stopProcess,
} from '../../src/embedded/background-process.js';
import {
  findWorker,
  lastServed,
  recordWorker,
  stateFiles,
  withoutWorker,
  withStateLock,
} from '../../src/embedded/state-files.js';

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-process-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** @param stubborn ignores SIGTERM. `ready` is the file that says that it does. */
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

test('findProcess: finds what was recorded while it runs, and what else was written there not at all', async () => {
  const file = join(folder, 'process.json');
  expect(await findProcess(file, backgroundProcessSchema)).toBeNull();
  const pid = await start();
  const record = recordProcess(file, { pid, log: join(folder, 'log') });
  expect(await findProcess(file, backgroundProcessSchema)).toEqual(record);
  expect(record && (await stopProcess(record, 60_000))).toBe('stopped');
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

const stopWorker = () => withoutWorker(folder, async (ended) => ended);

test('worker in the background: recorded, found, stopped, and its state file is gone', async () => {
  expect(await findWorker(folder)).toBeNull();
  const pid = await start();
  const served = { worker_config: '/shop/worker.yaml', repositories: { shop: '/shop' } };
  const record = recordWorker(folder, pid, served);
  expect(await lastServed(folder)).toEqual(served);
  expect(JSON.parse(await readFile(stateFiles(folder).worker, 'utf8'))).toEqual(record);
  expect(await findWorker(folder)).toEqual(record);
  expect(await stopWorker()).toEqual(record);
  expect(existsSync(stateFiles(folder).worker)).toBe(false);
  expect(await stopWorker()).toBeNull();
});

test('withoutWorker: ends a worker that another command is starting, and keeps its record until then', async () => {
  let pid = 0;
  // A start holds the lock; it records its worker a while after the stop has looked for one.
  const starting = withStateLock(stateFiles(folder).workerLock, 5_000, async () => {
    await delay(300);
    pid = await start();
    recordWorker(folder, pid, { worker_config: null, repositories: {} });
  });
  await expect.poll(() => readdirSync(stateFiles(folder).workerLock).length).toBe(1);
  const stopped = await stopWorker();
  await starting;
  expect(stopped?.pid).toBe(pid);
  expect(processStarted(pid)).toBeNull();
});

test('withoutWorker: no worker is started until its action has ended', async () => {
  const order: string[] = [];
  let starting: Promise<void> | undefined;
  await withoutWorker(folder, async () => {
    starting = withStateLock(stateFiles(folder).workerLock, 5_000, async () => void order.push('started'));
    await delay(200);
    order.push('action');
  });
  await starting;
  expect(order).toEqual(['action', 'started']);
});

test('withStateLock: SERVER_NOT_STARTED when another holder keeps it too long', async () => {
  const lock = stateFiles(folder).serverLock;
  await withStateLock(lock, 1_000, async () => {
    await expect(withStateLock(lock, 100, async () => 'never')).rejects.toMatchObject({ code: 'SERVER_NOT_STARTED' });
  });
});

test('withoutWorker: makes nothing where there is no state folder', async () => {
  const nowhere = join(folder, 'never');
  expect(await withoutWorker(nowhere, async (ended) => ended)).toBeNull();
  expect(existsSync(nowhere)).toBe(false);
});
