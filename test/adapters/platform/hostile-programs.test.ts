import { constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLauncher, type Launcher } from '../../../src/adapters/platform/launcher.js';
import { type LimitedProgram, runProgram } from '../../../src/adapters/platform/run-program.js';
import { isRunning, untilDone } from './processes.js';

let root: string;
let launcher: Launcher;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-hostile-'));
  launcher = createLauncher(process.env.PATH);
});
afterEach(async () => {
  await launcher.close();
  await rm(root, { recursive: true, force: true });
});

const run = (script: string, more: Partial<LimitedProgram> = {}) =>
  runProgram(launcher, {
    argv: ['sh', '-c', script],
    env: { PATH: process.env.PATH ?? '', HOME: root },
    mark: `HOME=${root}`,
    cwd: root,
    timeout_ms: 120_000,
    max_output_bytes: 1_000_000,
    max_stderr_bytes: 1_000_000,
    signal: new AbortController().signal,
    ...more,
  });

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);
const lost = { code: 'EXECUTOR_LOST', retryable: true };
function pidIn(file: string): number {
  const pid = Number(readFileSync(join(root, file), 'utf8'));
  // Zero would mean this process's own group.
  if (!(pid > 1)) throw new Error(`no process id in ${file}`);
  return pid;
}

describe.runIf(process.platform === 'linux')('hostile programs', () => {
  test('launcher: a program that kills it is lost with its neighbours, and the next program runs', async () => {
    const neighbour = errorOf(run('echo $$ > neighbour; exec sleep 600'));
    await untilDone(neighbour, () => readdirSync(root).includes('neighbour'));
    expect(await errorOf(run('echo $$ > pid; kill -9 $PPID; exec sleep 600'))).toMatchObject(lost);
    expect(await neighbour).toMatchObject(lost);
    expect([isRunning(pidIn('pid')), isRunning(pidIn('neighbour'))]).toEqual([false, false]);
    expect(await run('echo on')).toMatchObject({ kind: 'ended', exit_code: 0 });
  });

  test('launcher: a program that stops it with a signal is lost, and the next program runs', async () => {
    const neighbour = errorOf(run('exec sleep 600'));
    expect(await errorOf(run('echo $$ > pid; kill -STOP $PPID; exec sleep 600'))).toMatchObject(lost);
    expect(await neighbour).toMatchObject(lost);
    expect(isRunning(pidIn('pid'))).toBe(false);
    expect(await run('echo on')).toMatchObject({ kind: 'ended', exit_code: 0 });
  });

  test('launcher: a process that escapes and holds the outputs open does not hold up the result', async () => {
    const escaped =
      "setsid env -i sh -c 'echo $$ > pid; exec sleep 600' & while [ ! -s pid ]; do sleep 0.05; done; echo out";
    try {
      const result = await run(escaped);
      expect(result).toMatchObject({ kind: 'ended', exit_code: 0 });
      expect(result.kind === 'ended' && text(result.stdout)).toBe('out\n');
    } finally {
      process.kill(pidIn('pid'), 'SIGKILL');
    }
  });

  test('launcher: a program that floods both outputs and forks is ended whole at its cap', async () => {
    const flood = 'trap "" TERM; for n in 1 2 3 4; do (trap "" TERM; echo $$ >> pid; yes | cat >&2) & done; yes';
    expect(await run(flood)).toMatchObject({ kind: 'ended', ended_by: 'output_cap' });
  });

  test('launcher: pipes that a program opened in advance are not given to another', async () => {
    const folder = await run('readlink "/proc/$PPID/cwd"');
    const pool = folder.kind === 'ended' ? text(folder.stdout).trim() : '';
    const pipes = readdirSync(pool).filter((name) => name.startsWith('pipe-'));
    expect(pipes.length).toBeGreaterThan(10);
    const held = pipes.map((name) => openSync(join(pool, name), constants.O_RDWR | constants.O_NONBLOCK));
    expect(held.length).toBe(pipes.length);
    const result = await run('readlink /proc/$$/fd/1');
    expect(result.kind === 'ended' && pipes.some((name) => text(result.stdout).includes(`/${name} `))).toBe(false);
    expect(result.kind === 'ended' && text(result.stdout)).toMatch(/\/pipe-\d+ \(deleted\)\n$/);
  });

  test('launcher: closing one that a program has stopped with a signal ends its programs all the same', async () => {
    const lost = errorOf(run('echo $$ > pid; kill -STOP $PPID; exec sleep 600'));
    await untilDone(lost, () => readdirSync(root).includes('pid') && readFileSync(join(root, 'pid'), 'utf8') !== '');
    const pid = pidIn('pid');
    await launcher.close();
    expect(isRunning(pid)).toBe(false);
    expect(await lost).toMatchObject({ code: 'EXECUTOR_LOST' });
  });

  test('launcher: a program that closes its outputs and works on ends when it ends, or at its time', async () => {
    expect(await run('echo out; exec >&- 2>&-; sleep 1; exit 3')).toMatchObject({
      ...{ ended_by: 'itself', exit_code: 3 },
      stdout: new TextEncoder().encode('out\n'),
    });
    const hanging = await run('exec >&- 2>&-; echo $$ > pid; exec sleep 600', { timeout_ms: 1_000 });
    expect(hanging).toMatchObject({ ended_by: 'timeout' });
    expect(isRunning(pidIn('pid'))).toBe(false);
  });

  test('launcher: two hundred programs at once each have their own input and outputs', async () => {
    const each = Array.from({ length: 200 }, async (_, n) => {
      const result = await run('read -r n; echo "out $n"; echo "err $n" >&2; exit 3', { input: `${n}\n` });
      return result.kind === 'ended' ? [result.exit_code, text(result.stdout), text(result.stderr)] : result;
    });
    expect(await Promise.all(each)).toEqual(each.map((_, n) => [3, `out ${n}\n`, `err ${n}\n`]));
  });
});
