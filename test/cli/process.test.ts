import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { processStarted } from '../../src/adapters/platform/process-identity.js';
import { until } from '../adapters/platform/processes.js';
import { PROMPTOS } from '../support/built-package.js';

/*
 * The program as people start it: a process of its own, from the built package.
 */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-process-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  ...more,
});
const run = (...args: readonly string[]) =>
  spawnSync(PROMPTOS, args, { cwd: folder, env: environment(), encoding: 'utf8', timeout: 90_000 });

test('bin/promptos: runs in place and through a link', async () => {
  await symlink(PROMPTOS, join(folder, 'linked'));
  const { status, stdout } = spawnSync(join(folder, 'linked'), ['version', '--json'], {
    env: environment(),
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ promptos: '0.1.0', temporal_sdk: expect.stringMatching(/^1\./) });
});

test('bin/promptos without a build: one line with what to do, exit 3', async () => {
  const package_ = join(folder, 'package');
  await mkdir(join(package_, 'bin'), { recursive: true });
  await writeFile(join(package_, 'package.json'), '{"type":"module"}');
  await cp(PROMPTOS, join(package_, 'bin/promptos'));
  const { status, stdout, stderr } = spawnSync(join(package_, 'bin/promptos'), ['version'], {
    env: environment(),
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({
    status: 3,
    stdout: '',
    stderr: 'promptos is not built yet: run `npm run build` in its folder.\n',
  });
});

test('bin/promptos: a body that loads what a worker is made of reports a mistake as a mistake', () => {
  for (const args of [
    ['canary', '--class', 'nope'],
    ['canary', '--report', 'x.json'],
    ['mcp', '--as', 'nobody', '--http', 'x'],
    ['doctor', '--executor', 'nobody'],
    ['run', 'recover', 'nope', '--out', 'x'],
    ['gate', 'next', 'nope', '--as', 'nobody'],
  ]) {
    expect.soft(run(...args).stderr).toMatch(/^error (?!INTERNAL)/);
  }
});

test('exit codes and streams: an error goes to standard error, with the code of the catalogue', () => {
  expect(run('run', 'lst')).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^error USAGE: /) });
  expect(run('run', 'status', 'latest')).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^error SERVER_NOT_RUNNING: /),
  });
});

test('TMPDIR: a relative one is below the current folder, also for a git that works in another one', () => {
  const tree = join(import.meta.dirname, '../vectors/trees/reworked');
  const line =
    'mkdir repo && cd repo && git init -q && git config user.name a && git config user.email a@example.org && ' +
    'git commit -q --allow-empty -m a && cd .. && "$0" -C repo check --job "$1/job.json" --policy "$1/evidence/policy.yaml"';
  const { stdout, stderr } = spawnSync('/bin/sh', ['-c', line, PROMPTOS, tree], {
    cwd: folder,
    env: environment({ TMPDIR: 'temporary' }),
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('the working tree: 0 files');
});

test('a reader that goes away before the verdict: the program does not end as if it were a yes', async () => {
  const trees = join(import.meta.dirname, '../vectors/trees');
  for (const name of ['cancelled', 'escalated', 'reworked']) {
    await cp(join(trees, name), join(folder, `store/runs/vector-${name}`), { recursive: true });
  }
  const line = 'set -o pipefail; "$0" verify --all store 2>/dev/null | true; echo $?';
  const { stdout } = spawnSync('/bin/bash', ['-c', line, PROMPTOS], {
    cwd: folder,
    env: environment(),
    encoding: 'utf8',
  });
  expect(stdout).toBe('141\n');
});

test.runIf(process.platform === 'linux')('a full disk behind standard output: said as that, and no defect', () => {
  const { status, stderr } = spawnSync('/bin/sh', ['-c', '"$0" version > /dev/full', PROMPTOS], {
    cwd: folder,
    env: environment(),
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toBe(
    'error FILE_NOT_READABLE: The output cannot be written: ENOSPC.\n' +
      '  next: Free some space, or send the output to another place.\n',
  );
});

test('a reader that goes away: the program ends quietly', async () => {
  const child = spawn('/bin/sh', ['-c', '"$0" completion bash | head -c 1', PROMPTOS], {
    cwd: folder,
    env: environment(),
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

describe('worker', () => {
  const started: number[] = [];
  afterEach(() => {
    for (const pid of started.splice(0)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  });

  async function home(name: string): Promise<{ home: string; env: Record<string, string> }> {
    const path = join(folder, name);
    await mkdir(path);
    const config = { schema_version: 1, task_queue: `process-${name}`, trust: { policies: ['none.yaml'] } };
    await writeFile(join(path, 'worker.yaml'), JSON.stringify(config));
    return { home: path, env: environment({ PROMPTOS_HOME: path, TEMPORAL_ADDRESS: inject('temporalAddress') }) };
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'says what it polls and that it is ready, and ends well on %s',
    async (signal) => {
      const { env } = await home(signal.toLowerCase());
      const child = spawn(PROMPTOS, ['worker', '--json'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      started.push(child.pid ?? 0);
      let log = '';
      child.stderr.on('data', (chunk) => {
        log += chunk;
      });
      const lines: unknown[] = [];
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        for (const line of chunk.split('\n').filter(Boolean)) lines.push(JSON.parse(line));
        if (lines.length === 1) child.kill(signal);
      });
      const [code, ended] = await once(child, 'close');
      const queue = `process-${signal.toLowerCase()}`;
      expect({ code, ended, lines }).toEqual({
        ...(signal === 'SIGHUP' ? { code: null, ended: signal } : { code: 0, ended: null }),
        lines: [
          { event: 'ready', task_queues: [queue, `${queue}.writer`, `${queue}.verifier`, `${queue}.reviewer`] },
          { event: 'stopped' },
        ],
      });
      const logged = log.split('\n').filter((line) => line.startsWith('{'));
      for (const line of logged) expect(JSON.parse(line)).toHaveProperty('msg');
      expect(logged.length).toBeGreaterThan(0);
    },
  );

  test('a terminal that is closed: its log goes nowhere, and it ends well all the same', async () => {
    const { home: path, env } = await home('closed');
    const events = join(path, 'events');
    const line = `exec "${PROMPTOS}" worker --json < /dev/null > "${events}"`;
    const terminal = spawn('script', ['-qfec', line, '/dev/null'], {
      cwd: folder,
      env: { ...env, SHELL: '/bin/sh' },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const heard = (event: string) => existsSync(events) && readFileSync(events, 'utf8').includes(`"${event}"`);
    await until(() => heard('ready'));
    terminal.kill('SIGKILL');
    await until(() => heard('stopped'));
  });

  test('without a config: WORKER_CONFIG_NOT_FOUND, exit 2', () => {
    const { status, stderr } = run('worker');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error WORKER_CONFIG_NOT_FOUND: There is no .*worker\.yaml\./);
  });

  test('without a server: SERVER_NOT_RUNNING, and none is started', async () => {
    const { env } = await home('no-server');
    const { TEMPORAL_ADDRESS: _, ...alone } = env;
    const { status, stderr } = spawnSync(PROMPTOS, ['worker'], { cwd: folder, env: alone, encoding: 'utf8' });
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error SERVER_NOT_RUNNING: /),
    });
  });

  test('--detach: one stays in the background, another is refused, `server stop` ends it', async () => {
    const { home: path, env } = await home('detached');
    const call = (...args: readonly string[]) =>
      spawnSync(PROMPTOS, [...args, '--json'], { cwd: folder, env, encoding: 'utf8', timeout: 90_000 });
    const first = call('worker', '--detach');
    const ready = JSON.parse(first.stdout) as { pid: number };
    started.push(ready.pid);
    expect(first.status).toBe(0);
    expect(ready).toMatchObject({ event: 'ready', task_queues: expect.arrayContaining(['process-detached.writer']) });
    expect(JSON.parse(await readFile(join(path, 'state/worker.json'), 'utf8'))).toMatchObject({ pid: ready.pid });

    const second = call('worker', '--detach');
    expect(second.status).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'WORKER_RUNNING' } });

    const stopped = call('server', 'stop');
    expect(JSON.parse(stopped.stdout)).toMatchObject({ worker: { pid: ready.pid } });
    expect(processStarted(ready.pid)).toBeNull();
  });

  test('worker --detach: a wrong config is reported at once, and nothing is started', async () => {
    const { home: path, env } = await home('wrong');
    await writeFile(join(path, 'worker.yaml'), '{"schema_version":2}');
    const { status, stderr } = spawnSync(PROMPTOS, ['worker', '--detach'], { cwd: folder, env, encoding: 'utf8' });
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^error WORKER_CONFIG_INVALID: /),
    });
  });

  test('--detach where the worker cannot work: WORKER_NOT_STARTED with the end of its log', async () => {
    const { env } = await home('lost');
    const { status, stderr } = spawnSync(PROMPTOS, ['worker', '--detach'], {
      cwd: folder,
      env: { ...env, TEMPORAL_ADDRESS: '127.0.0.1:9' },
      encoding: 'utf8',
      timeout: 90_000,
    });
    expect(status).toBe(3);
    expect(stderr).toMatch(/^error WORKER_NOT_STARTED: The worker ended before it was ready\./);
    expect(stderr).toContain('error TEMPORAL_UNREACHABLE');
  });
});
