import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import { markedPath, removeLeftovers, SCRATCH_PREFIX } from '../../../src/adapters/platform/leftovers.js';
import { markOf, ownMark } from '../../../src/adapters/platform/process-identity.js';
import { withScratch } from '../../../src/adapters/platform/scratch.js';
import { printedText } from '../../support/printed.js';
import { isRunning, until } from './processes.js';

const SLEEP = 'setTimeout(() => {}, 120_000);';

let root: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-räste-'));
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

/** A process in a session of its own, with nothing but these variables. */
function detached(env: Readonly<Record<string, string>>): number {
  const child = spawn(process.execPath, ['-e', SLEEP], { detached: true, stdio: 'ignore', env });
  started.push(child);
  return child.pid ?? 0;
}

/** The same, once it runs its program: before that it has the variables of this process. */
async function working(env: Readonly<Record<string, string>>): Promise<number> {
  const pid = detached(env);
  await until(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(SLEEP));
  return pid;
}

/** The mark of a process that has ended. */
async function deadMark(): Promise<string> {
  const pid = detached({});
  const mark = markOf(pid);
  process.kill(pid, 'SIGKILL');
  await until(() => !isRunning(pid));
  return mark;
}

const scratchOf = (mark: string): string => join(root, `${SCRATCH_PREFIX}-${mark}-a1b2c3`);

/** Runs a check that reports whether the process still runs when it starts. */
async function seenByCheck(pid: number): Promise<string> {
  const runner = createCheckRunner({ allow: ['*'], env: process.env, scratchRoot: root });
  const argv = [
    'sh',
    '-c',
    `kill -0 ${pid} 2>/dev/null && ! grep -q '^State:.Z' /proc/${pid}/status && echo runs || echo ended`,
  ];
  const call = { name: 'tests', argv, timeout_ms: 20_000, directory: root, signal: new AbortController().signal };
  return printedText((await runner.run(call)).stdout).trim();
}

describe.runIf(process.platform === 'linux')('leftovers', () => {
  test.each([
    ['PROMPTOS_SCRATCH', 'files'],
    ['HOME', 'home'],
  ])('a process of a dead worker, known by %s, is ended before a check runs', async (name, folder) => {
    const pid = await working({ [name]: join(scratchOf(await deadMark()), folder) });
    expect(await seenByCheck(pid)).toBe('ended');
  });

  test('a process of a dead worker is ended before any program works in scratch folders, an executor too', async () => {
    for (const parent of ['first', 'first', 'second']) {
      const pid = await working({ PROMPTOS_SCRATCH: join(scratchOf(await deadMark()), 'files') });
      expect(await withScratch(join(root, parent), {}, async () => isRunning(pid))).toBe(false);
    }
  });

  test('where programs leave nothing behind, what was left before this process is ended, by one look', async () => {
    vi.resetModules();
    const fresh = await import('../../../src/adapters/platform/scratch.js');
    const left = async () => working({ PROMPTOS_SCRATCH: join(scratchOf(await deadMark()), 'files') });
    const runsDuring = (pid: number) => fresh.withScratch(root, { leavesNothing: true }, async () => isRunning(pid));
    expect(await runsDuring(await left())).toBe(false);
    expect(await runsDuring(await left())).toBe(true);
  });

  test('a process of an execution that is over, of a worker that lives, is ended', async () => {
    expect(await seenByCheck(await working({ HOME: join(scratchOf(ownMark()), 'home') }))).toBe('ended');
  });

  test('a process of an execution of another worker that lives is left alone', async () => {
    const worker = detached({});
    const home = join(scratchOf(markOf(worker)), 'home');
    await mkdir(home, { recursive: true });
    expect(await seenByCheck(await working({ HOME: home }))).toBe('runs');
  });

  test.each([
    ['of another machine or container', () => `${'0'.repeat(10)}-1-1`],
    ['without a mark', () => 'plain'],
  ])('a process %s is left alone', async (_, mark) => {
    expect(await seenByCheck(await working({ HOME: join(scratchOf(mark()), 'home') }))).toBe('runs');
  });
});

test('removeLeftovers: removes what dead processes left, and what is old and from elsewhere', async () => {
  const dead = await deadMark();
  const elsewhere = `${'0'.repeat(10)}-1-1`;
  const longAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
  const own = markedPath(root, 'work');
  const kept = [own, join(root, `work-${elsewhere}-new`), join(root, `other-${dead}-x`), join(root, 'work-plain')];
  const removed = [join(root, `work-${dead}-file`), join(root, `work-${elsewhere}-old`)];
  for (const path of [...kept, ...removed]) await writeFile(path, '');
  await utimes(own, longAgo, longAgo);
  await utimes(join(root, `work-${elsewhere}-old`), longAgo, longAgo);
  await mkdir(join(root, `work-${dead}-tree`, 'readonly'), { recursive: true });
  await writeFile(join(root, `work-${dead}-tree`, 'readonly', 'a'), '');
  await chmod(join(root, `work-${dead}-tree`, 'readonly'), 0o555);
  await removeLeftovers(root, 'work');
  expect((await readdir(root)).sort()).toEqual(kept.map((path) => basename(path)).sort());
});

test('makePassingFolder: a program that writes into the folder while its process ends leaves nothing', async () => {
  const module = new URL('../../../dist/adapters/platform/leftovers.js', import.meta.url);
  // Many files, so that the program writes when Node has listed the folder and not yet removed it.
  const source = `import { readdirSync, writeFileSync } from 'node:fs';
    import { spawn } from 'node:child_process';
    const { makePassingFolder } = await import(${JSON.stringify(module.href)});
    const folder = await makePassingFolder(process.argv[1], 'passing');
    for (let file = 0; file < 3_000; file += 1) writeFileSync(folder + '/' + file, '');
    const [first] = readdirSync(folder);
    const script = 'echo; while [ -e "$1" ]; do :; done; echo > "$2"';
    const program = spawn('sh', ['-c', script, 'sh', folder + '/' + first, folder + '/late'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    program.stdout.once('data', () => process.exit());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source, root], { stdio: 'inherit' });
  started.push(child);
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(await readdir(root)).toEqual([]);
});
