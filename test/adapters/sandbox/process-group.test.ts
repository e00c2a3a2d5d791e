import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { markOf } from '../../../src/adapters/platform/process-identity.js';
import { findProcessGroups, type ProcessGroup } from '../../../src/adapters/sandbox/bubblewrap.js';
import { isRunning, until } from '../platform/processes.js';

const makeGroup = process.getuid?.() === 0 ? findProcessGroups() : null;
const run = promisify(execFile);

const MAX = 20;
let group: ProcessGroup;

beforeEach(() => {
  group = makeGroup?.(MAX) ?? expect.fail('no group');
});
afterEach(() => group.remove());

const inGroup = async (script: string): Promise<string> => {
  const [program = '', ...args] = group.within(['sh', '-c', script]);
  return (await run(program, args)).stdout.trim();
};

/** The folder of the group, as a program in it sees it. */
const folderOf = async (): Promise<string> => {
  const groups = await inGroup('cat /proc/self/cgroup');
  const [, controllers = '', path = ''] = /^\d+:(.*):(.*\/promptos-sandbox-.*)$/m.exec(groups) ?? [];
  return join('/sys/fs/cgroup', controllers, path);
};

describe.runIf(makeGroup !== null)('process groups', () => {
  test('a program is in its group from its first instruction, and so is what it starts; its bound is the group’s', async () => {
    const folder = await folderOf();
    expect(readFileSync(join(folder, 'pids.max'), 'utf8').trim()).toBe(String(MAX));
    const started = await inGroup('sh -c "sh -c \'cat /proc/self/cgroup\'"');
    expect(started).toContain(basename(folder));
  });

  test('the kernel refuses a process beyond the bound, also to root', async () => {
    const members = () => readFileSync(join(folder, 'cgroup.procs'), 'utf8').trim().split('\n').filter(Boolean);
    const folder = await folderOf();
    const many = `i=0; while [ $i -lt ${2 * MAX} ]; do sleep 60 >/dev/null 2>&1 & i=$((i+1)); done`;
    await expect(inGroup(many)).rejects.toThrow(/fork/);
    expect(members().length).toBeGreaterThanOrEqual(MAX - 1);
    for (const pid of members()) process.kill(Number(pid), 'SIGKILL');
    await until(() => members().length === 0);
  });

  test('a program whose group has gone does not start', async () => {
    group.remove();
    await expect(inGroup('echo started')).rejects.toThrow('Command failed');
  });

  test('the group of a worker that was killed is removed by the next one; that of a worker that runs is kept', async () => {
    const folder = await folderOf();
    const worker = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 120_000)'], { stdio: 'ignore' });
    const pid = worker.pid ?? 0;
    const left = join(dirname(folder), `promptos-sandbox-${markOf(pid)}-left`);
    mkdirSync(left);
    findProcessGroups();
    expect(existsSync(left)).toBe(true);
    worker.kill('SIGKILL');
    await until(() => !isRunning(pid));
    findProcessGroups();
    expect(existsSync(left)).toBe(false);
    expect(existsSync(folder)).toBe(true);
  });
});
