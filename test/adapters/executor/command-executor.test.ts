import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCommandExecutor } from '../../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../../src/adapters/platform/launcher.js';
import type { ProgramStarter } from '../../../src/adapters/platform/program-starter.js';
import { commandExecutorSchema } from '../../../src/contracts/config/executor-config.js';
import { PromptOsError } from '../../../src/contracts/errors.js';
import { canonicalSha256 } from '../../../src/contracts/json.js';
import { type Content, endOf, isLong, piecesOf, releaseContent } from '../../../src/contracts/long-bytes.js';
import type { ExecutorCall, ExecutorOutcome } from '../../../src/ports/gate-executor.js';
import { isRunning, until } from '../platform/processes.js';

const FIXTURES = resolve('test/fixtures/executors');
const NODE_DIR = resolve(process.execPath, '..');

let root: string;
let checkout: string;

beforeEach(async () => {
  root = realpathSync(await mkdtemp(join(tmpdir(), 'promptos-executor-')));
  checkout = join(root, 'checkout');
  mkdirSync(checkout);
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Options {
  readonly config?: object;
  readonly env?: Record<string, string>;
  readonly call?: Partial<ExecutorCall>;
  readonly configDir?: string;
  readonly programs?: ProgramStarter;
}

const launcher = createLauncher(process.env.PATH);
afterAll(() => launcher.close());

function executorOf(argv: readonly string[], options: Options = {}) {
  const { config = {}, env = {}, configDir = FIXTURES, programs = launcher } = options;
  const parsed = commandExecutorSchema.parse({ kind: 'command', argv, ...config });
  return createCommandExecutor('claude-writer', parsed, {
    env: { PATH: `${NODE_DIR}:/usr/bin:/bin`, ...env },
    configDir,
    scratchRoot: join(root, 'scratch'),
    programs,
  });
}

function run(argv: readonly string[], options: Options = {}): Promise<ExecutorOutcome> {
  return executorOf(argv, options).execute({
    run_id: 'run-1',
    gate: 'P05',
    attempt: 2,
    prompt: 'the prompt\n',
    directory: checkout,
    signal: new AbortController().signal,
    ...options.call,
  });
}

const script = (source: string) => ['node', '--input-type=commonjs', '-e', source];
const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);
const text = (output: Content) => Buffer.from(output as Uint8Array).toString();

describe('answers of real shapes', () => {
  test('command executor: claude -p --output-format json, pointer and fence', async () => {
    const outcome = await run(['./claude-print.mjs', '-p', '--output-format', 'json'], {
      config: {
        answer: { pointer: '/result', fence: 'json' },
        model: { requested: 'stand-in-large', served_pointer: '/modelUsage' },
      },
    });
    expect(outcome).toMatchObject({ exit_code: 0, problem: null, served_model: 'stand-in-large-1' });
    expect(JSON.parse(outcome.answer ?? '')).toEqual({ kind: 'output', summary: 'Fixed "sum".', prompt_bytes: 11 });
    expect(readFileSync(join(checkout, 'edited-by-agent.txt'), 'utf8')).toBe('11\n');
  });

  test('command executor: codex exec --json, the last agent message of JSON Lines', async () => {
    const outcome = await run(['node', './codex-exec.mjs', 'exec', '--json', '-'], {
      config: { answer: { pointer: '/item/text', fence: 'json' } },
    });
    expect(outcome).toMatchObject({ exit_code: 0, problem: null, served_model: null });
    expect(JSON.parse(outcome.answer ?? '')).toMatchObject({ kind: 'output', prompt_bytes: 11 });
    expect(text(outcome.stderr)).toBe('progress goes to standard error\n');
  });

  test('command executor: a plain script that leaves its answer in a file', async () => {
    const outcome = await run(['./plain.sh'], { config: { answer: { from: 'file', file: 'answer.json' } } });
    expect(outcome).toMatchObject({ problem: null, exit_code: 0 });
    expect(JSON.parse(outcome.answer ?? '')).toEqual({ kind: 'output', summary: 'read 1 lines' });
    expect(text(outcome.stdout)).toBe('working on run-1, gate P05, attempt 2\n');
    expect(existsSync(join(checkout, 'fixed.txt'))).toBe(true);
  });

  test.each([
    ['a missing file', 'true', { from: 'file', file: 'answer.json' }, 'left no file "answer.json"'],
    ['a link', 'ln -s /etc/hostname "$PROMPTOS_SCRATCH/a"', { from: 'file', file: 'a' }, 'left no file'],
    ['a pipe', 'mkfifo "$PROMPTOS_SCRATCH/a"', { from: 'file', file: 'a' }, 'is not a file'],
    ['a path that climbs out', 'true', { from: 'file', file: '../../x' }, 'not inside the scratch folder'],
    ['garbage', 'echo garbage', {}, 'expected a JSON object'],
    ['silence', 'true', {}, 'no answer'],
  ])('command executor: %s is a problem, not an error', async (_case, command, answer, problem) => {
    const outcome = await run(['sh', '-c', command], { config: { answer } });
    expect(outcome).toMatchObject({ answer: null, problem: expect.stringContaining(problem), exit_code: 0 });
  });
});

describe('environment', () => {
  const dump = script('console.log(JSON.stringify({ env: process.env, cwd: process.cwd() }))');

  test('command executor: only what is named passes, with the run and a scratch HOME', async () => {
    const outcome = await run(dump, {
      env: {
        HOME: '/home/ada',
        API_KEY: 'k',
        PROMPTOS_HOME: '/p',
        TEMPORAL_API_KEY: 't',
        XDG_CONFIG_HOME: '/x',
        LANG: 'C',
      },
      config: { env: { allow: ['PATH', 'LANG'], set: { MODE: 'ci' } } },
    });
    const { env, cwd } = JSON.parse(outcome.answer ?? '');
    expect(Object.keys(env).sort()).toEqual(
      [
        'HOME',
        'LANG',
        'MODE',
        'PATH',
        'PROMPTOS_ATTEMPT',
        'PROMPTOS_GATE',
        'PROMPTOS_RUN_ID',
        'PROMPTOS_SCRATCH',
      ].sort(),
    );
    expect(env).toMatchObject({ MODE: 'ci', PROMPTOS_RUN_ID: 'run-1', PROMPTOS_GATE: 'P05', PROMPTOS_ATTEMPT: '2' });
    expect(env.HOME.startsWith(join(root, 'scratch'))).toBe(true);
    expect(cwd).toBe(checkout);
  });

  test('command executor: a key passes when the config names it', async () => {
    const outcome = await run(dump, { env: { API_KEY: 'k' }, config: { env: { allow: ['PATH', 'API_KEY'] } } });
    expect(JSON.parse(outcome.answer ?? '').env.API_KEY).toBe('k');
  });

  test('command executor: relative entries of PATH are dropped', async () => {
    const outcome = await run(dump, { env: { PATH: `.:${NODE_DIR}::bin:/usr/bin` } });
    expect(JSON.parse(outcome.answer ?? '').env.PATH).toBe(`${NODE_DIR}:/usr/bin`);
  });

  test('command executor: nothing of the worker is open but the three standard streams (Linux)', async () => {
    if (process.platform !== 'linux') return;
    const links =
      'const fs = require("fs"); const at = (fd) => { try { return fs.readlinkSync("/proc/self/fd/" + fd); } catch { return ""; } };';
    const outcome = await run(
      script(`${links} console.log(JSON.stringify({ fds: fs.readdirSync("/proc/self/fd").map(at) }))`),
    );
    const { fds } = JSON.parse(outcome.answer ?? '') as { fds: string[] };
    expect(fds.filter((fd) => fd.startsWith('socket:'))).toEqual([]);
    expect(fds.filter((fd) => fd.includes('promptos-'))).toHaveLength(3);
  });

  test('command executor: the standard streams can be opened by name', async () => {
    const outcome = await run([
      'sh',
      '-c',
      'read -r line < /dev/stdin; echo "$line" > /dev/stderr; echo "{}" > /dev/stdout',
    ]);
    expect(outcome).toMatchObject({ answer: '{}', exit_code: 0 });
    expect(text(outcome.stderr)).toBe('the prompt\n');
  });

  test('command executor: works without named pipes too', async () => {
    const programs = createLauncher(join(root, 'empty'));
    const outcome = await run(['sh', '-c', 'cat; echo "{}"; echo trouble >&2'], { programs });
    expect(outcome).toMatchObject({ answer: '{}', problem: null });
    expect([text(outcome.stdout), text(outcome.stderr)]).toEqual(['the prompt\n{}\n', 'trouble\n']);
    const loud = await run(['sh', '-c', 'yes 0123456789 | head -c 3000000; echo; echo "{}"'], { programs });
    expect(loud).toMatchObject({ answer: '{}', problem: null });
    expect(loud.stdout.byteLength).toBe(3_000_004);
    await programs.close();
  });

  test('command executor: what arrives after the end of a program counts, without named pipes', async () => {
    const programs = createLauncher(join(root, 'empty'));
    const printing = ['sh', '-c', 'yes 0123456789 | head -c 400000; echo; echo "{}"'];
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => run(printing, { programs })));
    expect(outcomes.map(({ stdout }) => stdout.byteLength)).toEqual(outcomes.map(() => 400_004));
    await programs.close();
  });

  test('command executor: many at once keep their prompts and answers apart', async () => {
    const runs = Array.from({ length: 8 }, (_, i) =>
      run(['sh', '-c', 'cat; cat "$HOME/x" 2>/dev/null; touch "$HOME/x"'], { call: { prompt: `{"n":${i}}` } }),
    );
    expect((await Promise.all(runs)).map((outcome) => outcome.answer)).toEqual(runs.map((_, i) => `{"n":${i}}`));
  });

  test('command executor: its scratch folders go, write-protected ones too', async () => {
    await run(['sh', '-c', 'mkdir -p "$HOME/a/b" && touch "$HOME/a/b/c" && chmod 500 "$HOME/a/b" "$HOME/a"']);
    expect(readdirSync(join(root, 'scratch'))).toEqual([]);
  });
});

describe('programs', () => {
  test.each([
    ['a name that PATH has not', ['no-such-program-of-promptos'], 'EXECUTOR_NOT_FOUND'],
    ['a missing file', ['./no-such-file'], 'EXECUTOR_NOT_FOUND'],
    ['a file that is not executable', ['./worker-stand-in.mjs'], 'EXECUTOR_NOT_PERMITTED'],
    ['a folder', ['.'], 'EXECUTOR_NOT_PERMITTED'],
  ])('command executor: %s is refused', async (_case, argv, code) => {
    const error = await errorOf(run(argv));
    expect(error).toBeInstanceOf(PromptOsError);
    expect(error).toMatchObject({ code });
  });

  test('command executor: a program with a slash is never taken from the checkout', async () => {
    mkdirSync(join(checkout, 'tools'));
    writeFileSync(join(checkout, 'tools/agent'), '#!/bin/sh\necho "{}"\n', { mode: 0o755 });
    expect(await errorOf(run(['tools/agent']))).toMatchObject({ code: 'EXECUTOR_NOT_FOUND' });
  });

  test("command executor: a checkout that is gone is not the program's fault", async () => {
    rmSync(checkout, { recursive: true });
    expect(await errorOf(run(['true']))).toMatchObject({ code: 'EXECUTOR_LOST' });
  });

  test('command executor: arguments never meet a shell', async () => {
    const outcome = await run([
      ...script('console.log(JSON.stringify({ args: process.argv.slice(1) }))'),
      '--',
      '$(id)',
      'a b',
      './none',
    ]);
    expect(JSON.parse(outcome.answer ?? '').args).toEqual(['$(id)', 'a b', './none']);
  });

  test('command executor: the descriptor names the program and no path', () => {
    expect(executorOf(['/opt/agents/claude', '-p'], { config: { model: { requested: 'm' } } }).descriptor).toEqual({
      kind: 'command',
      principal: 'claude-writer',
      program: 'claude',
      arguments_sha256: canonicalSha256(['-p']),
      requested_model: 'm',
      served_model: null,
      sandbox: 'none',
    });
  });
});

describe('ends', () => {
  test('command executor: a non-zero exit is a problem, and its output is kept', async () => {
    const outcome = await run(['sh', '-c', 'echo "{}"; echo trouble >&2; exit 3']);
    expect(outcome).toMatchObject({ exit_code: 3, answer: null, problem: expect.stringContaining('exit code 3') });
    expect(text(outcome.stdout)).toBe('{}\n');
    expect(text(outcome.stderr)).toBe('trouble\n');
  });

  test('command executor: one that never reads a large prompt is fine', async () => {
    const outcome = await run(['sh', '-c', 'exec <&-; echo "{}"'], { call: { prompt: 'x'.repeat(5_000_000) } });
    expect(outcome).toMatchObject({ answer: '{}', problem: null });
  });

  test('command executor: a large prompt and a large answer pass whole', async () => {
    const echo = script(
      'let n = 0; process.stdin.on("data", (d) => (n += d.length)).on("end", () => console.log(JSON.stringify({ n, pad: "x".repeat(3e6) })))',
    );
    const outcome = await run(echo, { call: { prompt: 'x'.repeat(5_000_000) } });
    expect(JSON.parse(outcome.answer ?? '')).toMatchObject({ n: 5_000_000, pad: 'x'.repeat(3e6) });
  });

  test('command executor: one that ignores SIGTERM is killed, its children too', async () => {
    const outcome = await run(['sh', '-c', 'trap "" TERM; sleep 600 & echo "$$ $!"; wait; wait; sleep 600'], {
      config: { timeout: '3s' },
    });
    expect(outcome.problem).toContain('ran longer');
    for (const pid of text(outcome.stdout).trim().split(' ')) expect(isRunning(Number(pid))).toBe(false);
  });

  test('command executor: one that prints 100 MB is stopped, and memory stays bounded', async () => {
    const before = process.memoryUsage().rss;
    const outcome = await run(['sh', '-c', 'yes 0123456789012345678901234567890123456789 | head -c 100000000'], {
      config: { max_output_bytes: 1_000_000 },
    });
    expect(outcome).toMatchObject({
      answer: null,
      problem: 'The executor was stopped: it printed more than 1000000 bytes (max_output_bytes).',
    });
    expect(outcome.stdout.byteLength).toBe(1_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000);
  });

  test('command executor: one that prints 100 MB before its answer is read, and memory stays bounded', async () => {
    const loud = `yes 'read a file and thought about it' | head -c 100000000; echo; echo "$MY_TOKEN"; echo '{"kind":"output"}'`;
    const config = { max_output_bytes: 200_000_000, env: { allow: ['PATH'], set: { MY_TOKEN: 'hunter2-hunter2' } } };
    const before = process.memoryUsage().rss;
    const outcome = await run(['sh', '-c', loud], { config });
    expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000);
    expect(outcome).toMatchObject({ answer: '{"kind":"output"}', problem: null, exit_code: 0 });
    const { stdout } = outcome;
    expect(isLong(stdout)).toBe(true);
    expect(Buffer.from(await endOf(stdout, 60)).toString()).toContain('[masked: the value of MY_TOKEN]');
    let read = 0;
    for await (const piece of piecesOf(stdout)) read += piece.length;
    expect(read).toBe(stdout.byteLength);
    expect(existsSync(join(root, 'scratch')) ? readdirSync(join(root, 'scratch')) : []).toEqual([]);
    releaseContent(stdout);
  });

  test('command executor: the model, the use and a failure are read from a long output', async () => {
    const print = script(
      `const line = JSON.stringify({ type: 'thought', text: 'x'.repeat(200) }) + '\\n';
       process.stdout.write(line.repeat(10_000));
       process.stdout.write(JSON.stringify({ type: 'result', model: 'm-1', tokens: 7, is_error: true, result: 'slow down' }) + '\\n');`,
    );
    const config = {
      answer: { from: 'stdout', pointer: '/result' },
      model: { served_pointer: '/model' },
      usage: { output_tokens: '/tokens' },
      failures: [{ class: 'transient', pointer: '/is_error', equals: [true], message: '/result' }],
    };
    expect(await run(print, { config })).toMatchObject({
      served_model: 'm-1',
      used: { usage: { output_tokens: 7 } },
      failure: { class: 'transient', message: 'slow down' },
    });
  });

  test('command executor: standard error counts for the cap, and is kept head and tail', async () => {
    const loud = script('process.stderr.write("first" + "x".repeat(600000) + "last", () => console.log("{}"))');
    const outcome = await run(loud);
    expect(outcome).toMatchObject({ answer: '{}', problem: null });
    expect(outcome.stderr.byteLength).toBeLessThan(300_000);
    expect(text(outcome.stderr)).toMatch(/^first.*\n\[\d+ bytes left out\]\n.*last$/s);
    expect(await run(loud, { config: { max_output_bytes: 500_000 } })).toMatchObject({
      problem: expect.stringContaining('printed more'),
    });
  });

  test('command executor: an abort ends everything, then throws its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const pidFile = join(root, 'pids');
    const error = errorOf(
      run(['sh', '-c', `sleep 600 & echo "$$ $!" > ${pidFile}; wait`], { call: { signal: controller.signal } }),
    );
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').includes('\n'));
    const pids = readFileSync(pidFile, 'utf8').trim().split(' ').map(Number);
    expect(pids.every(isRunning)).toBe(true);
    controller.abort(reason);
    expect(await error).toBe(reason);
    expect(pids.some(isRunning)).toBe(false);
  });

  test('command executor: one that was aborted before it began does not begin', async () => {
    const call = { signal: AbortSignal.abort(new Error('early')) };
    expect(await errorOf(run(['sh', '-c', 'touch began'], { call }))).toMatchObject({ message: 'early' });
    expect(readdirSync(checkout)).toEqual([]);
  });

  test('command executor: a background child that was left behind is ended', async () => {
    const outcome = await run(['sh', '-c', 'sleep 600 & echo "{\\"pid\\": $!}"']);
    expect(outcome.problem).toBeNull();
    expect(isRunning(JSON.parse(outcome.answer ?? '').pid)).toBe(false);
  });

  test('command executor: a child with a session of its own is found by its environment (Linux)', async () => {
    if (process.platform !== 'linux') return;
    const outcome = await run([
      'sh',
      '-c',
      'setsid sh -c "echo \\$\\$ > pid; exec sleep 600" > /dev/null 2>&1 & while [ ! -s pid ]; do sleep 0.05; done; echo "{}"',
    ]);
    expect(outcome.problem).toBeNull();
    const pid = Number(readFileSync(join(checkout, 'pid'), 'utf8'));
    expect(isRunning(pid)).toBe(false);
  });

  test('command executor: one that kills its guard is lost, and does not live on', async () => {
    const source =
      'require("fs").writeFileSync("pid", String(process.pid)); process.kill(process.ppid, "SIGKILL"); setInterval(() => {}, 1000)';
    expect(await errorOf(run(script(source)))).toMatchObject({ code: 'EXECUTOR_LOST', retryable: true });
    const pid = Number(readFileSync(join(checkout, 'pid'), 'utf8'));
    await until(() => !isRunning(pid));
  });
});
