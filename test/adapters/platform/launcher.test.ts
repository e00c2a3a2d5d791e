import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createLauncher, type Launcher } from '../../../src/adapters/platform/launcher.js';
import type { Program, RunningProgram } from '../../../src/adapters/platform/program-starter.js';
import { isRunning, until } from './processes.js';

const STAND_IN = resolve('test/fixtures/executors/worker-stand-in.mjs');
const LINUX = process.platform === 'linux';

let compiled: string;
let root: string;
let worker: ChildProcess | undefined;

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'promptos-compiled-'));
  writeFileSync(join(compiled, 'package.json'), '{"type":"module"}');
  symlinkSync(resolve('node_modules'), join(compiled, 'node_modules'));
  const sources = ['launcher.ts', 'launcher-program.js', 'run-program.ts'].map((file) =>
    join('src/adapters/platform', file),
  );
  const flags =
    '--ignoreConfig --allowJs --rootDir src --target ES2022 --lib ES2023,ES2024.String --module nodenext --types node --strict --skipLibCheck';
  execFileSync(resolve('node_modules/.bin/tsc'), [...flags.split(' '), '--outDir', compiled, ...sources]);
});
afterAll(() => rm(compiled, { recursive: true, force: true }));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-läufer-test-'));
});
afterEach(async () => {
  worker?.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

/** Starts the stand-in in a process group of its own; gives the shell, its child, its deaf child, and the regrouped one. */
async function startWorker(): Promise<number[]> {
  const pidFile = join(root, 'pids');
  worker = spawn(process.execPath, [STAND_IN, compiled, root, pidFile], { detached: true, stdio: 'inherit' });
  const started = worker;
  await until(() => existsSync(pidFile) || started.exitCode !== null);
  expect(started.exitCode, 'the exit code of the stand-in, which runs until it is killed').toBeNull();
  const pids = readFileSync(pidFile, 'utf8').trim().split(/\s+/).map(Number);
  expect(pids).toHaveLength(4);
  expect(pids.every(isRunning)).toBe(true);
  return pids;
}

/** What a broken launcher would leave, and outside Linux the one that began a session of its own. */
function endLeftovers(pids: readonly number[]): void {
  for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
}

/** Outside Linux a process that began a session of its own is not found: the documentation says so. */
const within = (pids: readonly number[]) => (LINUX ? pids : pids.slice(0, 3));

test.each([
  ['alone', (pid: number) => process.kill(pid, 'SIGKILL')],
  ['with its process group', (pid: number) => process.kill(-pid, 'SIGKILL')],
])('launcher: ends a program and all that it started, worker killed %s', async (_case, kill) => {
  const pids = await startWorker();
  try {
    kill(worker?.pid ?? 0);
    await until(() => !within(pids).some(isRunning));
    await until(() => !existsSync(join(root, 'scratch')));
  } finally {
    endLeftovers(pids);
  }
});

test('launcher: a program runs on while the worker does', async () => {
  const pids = await startWorker();
  try {
    await new Promise((done) => setTimeout(done, 1_000));
    expect(pids.every(isRunning)).toBe(true);
  } finally {
    worker?.kill('SIGKILL');
    endLeftovers(pids);
  }
});

const launchers: Launcher[] = [];
afterEach(() => Promise.all(launchers.splice(0).map((launcher) => launcher.close())));

function newLauncher(): Launcher {
  const launcher = createLauncher(process.env.PATH);
  launchers.push(launcher);
  return launcher;
}

const shell = (script: string, more: Partial<Program> = {}): Program => ({
  argv: ['sh', '-c', script],
  env: { PATH: process.env.PATH ?? '' },
  cwd: root,
  ...more,
});

/** A program with what it printed up to now. */
async function started(launcher: Launcher, program: Program) {
  const running = await launcher.start(program);
  const printed = { stdout: '', stderr: '' };
  running.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed.stdout += chunk;
  });
  running.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    printed.stderr += chunk;
  });
  return { running, printed };
}

async function printedBy(launcher: Launcher, program: Program): Promise<string> {
  const { running, printed } = await started(launcher, program);
  expect(await running.untilEnded()).toEqual({ code: 0, signal: null });
  return printed.stdout;
}

const lossOf = (running: RunningProgram): Promise<unknown> => running.untilEnded().catch((error: unknown) => error);

test('launcher: one process starts all programs, many at once', async () => {
  const launcher = newLauncher();
  const programs = Array.from({ length: 50 }, (_, n) => shell(`read -r n; echo "$PPID $n"`, { input: `${n}\n` }));
  const lines = await Promise.all(programs.map((program) => printedBy(launcher, program)));
  expect(lines.map((line) => line.trim().split(' ')[1])).toEqual(programs.map((_, n) => String(n)));
  expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBe(1);
});

test.runIf(LINUX)('launcher: a program has the three standard streams and no other descriptor', async () => {
  const launcher = newLauncher();
  await started(launcher, shell('sleep 600'));
  const listing = await printedBy(launcher, shell('exec ls -l /proc/self/fd', { input: 'text' }));
  // The last one is the folder that `ls` itself lists.
  const open = [...listing.matchAll(/\d+ -> .*/g)]
    .map(([line]) => line)
    .filter((line) => !/\/proc\/\d+\/fd$/.test(line));
  expect(open.map((line) => line.split(' -> ')[0])).toEqual(['0', '1', '2']);
  expect(open[0]).toMatch(/\/input-\d+ \(deleted\)$/);
  for (const line of open.slice(1)) expect(line).toMatch(/\/pipe-\d+ \(deleted\)$/);
});

test.runIf(LINUX)('launcher: its environment has nothing of the worker', async () => {
  const names = await printedBy(newLauncher(), shell('tr "\\0" "\\n" < /proc/$PPID/environ | cut -d= -f1'));
  expect(names.split('\n').filter((name) => !name.startsWith('NODE_CHANNEL'))).toEqual(['']);
});

test('launcher: without a folder for temporary files a program is lost, and the next step names TMPDIR', async () => {
  const launcher = createLauncher(process.env.PATH);
  vi.stubEnv('TMPDIR', resolve('package.json'));
  const started = launcher.start({ argv: ['true'], cwd: root, env: {} });
  await expect(started).rejects.toMatchObject({
    code: 'EXECUTOR_LOST',
    message: expect.stringMatching(/^A program could not be started \(E[A-Z]+\)\. .*TMPDIR/),
  });
  vi.unstubAllEnvs();
  await launcher.close();
});

test('launcher: when it is killed its programs are ended and lost, and the next program starts a new one', async () => {
  const launcher = newLauncher();
  const mark = `PROMPTOS_SCRATCH=${join(root, 'files')}`;
  const env = { PATH: process.env.PATH ?? '', PROMPTOS_SCRATCH: join(root, 'files') };
  const away = 'setsid sh -c "echo \\$\\$; exec sleep 600" & echo "$PPID $$"; exec sleep 600';
  const marked = await started(launcher, shell(LINUX ? away : 'echo "$PPID $$"; exec sleep 600', { mark, env }));
  const plain = await started(launcher, shell('echo $$; exec sleep 600'));
  await until(() => marked.printed.stdout.split('\n').length > (LINUX ? 2 : 1) && plain.printed.stdout !== '');
  const pids = `${marked.printed.stdout} ${plain.printed.stdout}`.trim().split(/\s+/).map(Number);
  const first = Number(/^(\d+) \d+$/m.exec(marked.printed.stdout)?.[1]);
  expect(first).toBeGreaterThan(1);
  expect(pids.every(isRunning)).toBe(true);
  process.kill(first, 'SIGKILL');
  const lost = { code: 'EXECUTOR_LOST', retryable: true };
  expect(await lossOf(marked.running)).toMatchObject(lost);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(await lossOf(plain.running)).toMatchObject(lost);
  const next = Number(await printedBy(launcher, shell('echo $PPID')));
  expect(next).not.toBe(first);
  expect(isRunning(next)).toBe(true);
});

test('launcher: closing it ends its programs and its process, and removes its folder', async () => {
  const launcher = newLauncher();
  const { running, printed } = await started(launcher, shell('readlink "/proc/$PPID/cwd"; echo "$PPID $$"; sleep 600'));
  await until(() => /\d+ \d+\n/.test(printed.stdout));
  const [folder = ''] = printed.stdout.split('\n');
  const pids = /(\d+) (\d+)\n/.exec(printed.stdout)?.slice(1).map(Number) ?? [];
  await launcher.close();
  expect(pids.filter(isRunning)).toEqual([]);
  if (LINUX) expect([existsSync(folder), folder.includes('promptos-launcher')]).toEqual([false, true]);
  expect(await lossOf(running)).toMatchObject({ code: 'EXECUTOR_LOST' });
});

test('launcher: a program without input reads nothing, and a missing one is reported with the code of the system', async () => {
  const launcher = newLauncher();
  expect((await printedBy(launcher, shell('wc -c'))).trim()).toBe('0');
  const missing = launcher.start({ ...shell(''), argv: ['no-such-program-of-promptos'] });
  await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await printedBy(launcher, shell('echo on'))).toBe('on\n');
});
