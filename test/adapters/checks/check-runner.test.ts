import { mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCheckCaches } from '../../../src/adapters/checks/check-caches.js';
import { type CheckRunnerOptions, createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import type { Content } from '../../../src/contracts/long-bytes.js';
import type { CheckCall } from '../../../src/ports/gate-executor.js';
import { isRunning } from '../platform/processes.js';

const NODE_DIR = resolve(process.execPath, '..');
const PATH = `${NODE_DIR}:/usr/bin:/bin`;

let root: string;
let directory: string;

beforeEach(async () => {
  root = realpathSync(await mkdtemp(join(tmpdir(), 'promptos-check-')));
  directory = join(root, 'checkout');
  mkdirSync(directory);
});
afterEach(() => rm(root, { recursive: true, force: true }));

function run(argv: readonly string[], call: Partial<CheckCall> = {}, options: Partial<CheckRunnerOptions> = {}) {
  const scratchRoot = join(root, 'scratch');
  return createCheckRunner({ allow: ['test'], env: { PATH }, scratchRoot, ...options }).run({
    name: 'test',
    argv,
    timeout_ms: 30_000,
    directory,
    signal: new AbortController().signal,
    ...call,
  });
}

const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);
const text = (output: Content) => Buffer.from(output as Uint8Array).toString();

test('check runner: exit code 0 passes, output kept', async () => {
  const outcome = await run(['sh', '-c', 'echo out; echo err >&2']);
  expect(outcome).toMatchObject({ status: 'passed', exit_code: 0, signal: null, reason: null });
  expect([text(outcome.stdout), text(outcome.stderr)]).toEqual(['out\n', 'err\n']);
  expect(readdirSync(join(root, 'scratch'))).toEqual([]);
});

test('check runner: the worker’s own credentials are masked in what a check printed, and values of the policy are not', async () => {
  const passed = { allow: ['PATH', 'NPM_TOKEN'], set: { REGISTRY_PASSWORD: 'two\nlines' } };
  const script =
    'printf "%s é %s\\n" "$NPM_TOKEN" "$API_KEY"; printf "%s {\\"p\\":\\"two\\\\\\\\nlines\\"}\\n" "$REGISTRY_PASSWORD" >&2';
  const call = { env: { API_KEY: 'of-the-policy' } };
  const options = { passed, env: { PATH, NPM_TOKEN: 'hunter2-hunter2' } };
  const { stdout, stderr } = await run(['sh', '-c', script], call, options);
  expect(text(stdout)).toBe('[masked: the value of NPM_TOKEN] é of-the-policy\n');
  const masked = '[masked: the value of REGISTRY_PASSWORD]';
  expect(text(stderr)).toBe(`${masked} {"p":"${masked}"}\n`);
});

test('check runner: any other exit code fails', async () => {
  expect(await run(['sh', '-c', 'exit 7'])).toMatchObject({ status: 'failed', exit_code: 7, signal: null });
});

test('check runner: a death by signal fails', async () => {
  expect(await run(['sh', '-c', 'kill -SEGV $$'])).toMatchObject({
    status: 'failed',
    exit_code: null,
    signal: 'SIGSEGV',
  });
});

test('check runner: a check that hangs times out', async () => {
  const outcome = await run(['sh', '-c', 'echo $$; sleep 600'], { timeout_ms: 500 });
  expect(outcome).toMatchObject({ status: 'timed_out', reason: 'it ran longer than 0.5 s and was stopped' });
  expect(isRunning(Number(text(outcome.stdout)))).toBe(false);
});

test('check runner: one that exits with 0 when it is stopped has not passed', async () => {
  const outcome = await run(['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'], { timeout_ms: 500 });
  expect(outcome).toMatchObject({ status: 'timed_out', exit_code: 0 });
});

test('check runner: one that prints too much is stopped and fails', async () => {
  const outcome = await run(['yes'], {}, { maxOutputBytes: 100_000 });
  expect(outcome).toMatchObject({ status: 'failed', reason: 'it printed more than 100000 bytes and was stopped' });
  expect(outcome.stdout.byteLength).toBe(100_000);
});

test('check runner: a log of 50 MB is kept whole', async () => {
  const outcome = await run(['sh', '-c', 'yes 0123456789 | head -c 50000000']);
  expect(outcome).toMatchObject({ status: 'passed' });
  expect(outcome.stdout.byteLength).toBe(50_000_000);
});

test.each([
  ['a missing program', ['no-such-program-of-promptos'], 'does not exist (ENOENT)'],
  ['a file that may not be run', ['./plain'], 'exists, and this worker may not run it (EACCES)'],
])('check runner: %s is not started', async (_case, argv, reason) => {
  writeFileSync(join(directory, 'plain'), '');
  expect(await run(argv)).toMatchObject({
    status: 'not_started',
    exit_code: null,
    duration_ms: 0,
    reason: expect.stringContaining(reason),
  });
});

test('check runner: a program with a slash is one of the checkout', async () => {
  writeFileSync(join(directory, 'run-tests.sh'), '#!/bin/sh\npwd\n', { mode: 0o755 });
  const outcome = await run(['./run-tests.sh']);
  expect(outcome.status).toBe('passed');
  expect(text(outcome.stdout)).toBe(`${directory}\n`);
});

test('check runner: sees a short list of variables and a HOME of its own', async () => {
  const env = { PATH, LANG: 'C', HOME: '/home/ada', API_KEY: 'k', PROMPTOS_HOME: '/p', TEMPORAL_API_KEY: 't' };
  const outcome = await run(['node', '-e', 'console.log(JSON.stringify(process.env))'], {}, { env });
  const seen = JSON.parse(text(outcome.stdout));
  expect(Object.keys(seen).sort()).toEqual(['CI', 'HOME', 'LANG', 'PATH']);
  expect(seen.CI).toBe('true');
  expect(seen.HOME.startsWith(join(root, 'scratch'))).toBe(true);
});

test('check runner: standard input is empty', async () => {
  const outcome = await run(['sh', '-c', 'wc -c | tr -d " "']);
  expect(text(outcome.stdout)).toBe('0\n');
});

test('check runner: refuses what the worker does not grant, without running it', async () => {
  const error = await errorOf(run(['touch', 'ran'], { name: 'lint' }));
  expect(error).toMatchObject({ code: 'CHECK_NOT_GRANTED', summary: expect.stringContaining('granted: test') });
  expect(await errorOf(run(['touch', 'ran'], {}, { allow: [] }))).toMatchObject({ code: 'CHECK_NOT_GRANTED' });
  expect(readdirSync(directory)).toEqual([]);
});

test('check runner: "*" grants every check', async () => {
  expect(await run(['true'], { name: 'lint' }, { allow: ['*'] })).toMatchObject({ status: 'passed' });
});

test('check runner: an abort throws its reason', async () => {
  const reason = new Error('cancelled');
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 300);
  expect(await errorOf(run(['sleep', '600'], { signal: controller.signal }))).toBe(reason);
});

test('check runner: sees what the worker config passes and sets, and nothing else', async () => {
  const script = 'console.log(JSON.stringify([process.env.TOOLCHAIN, process.env.MODE, process.env.TOKEN ?? null]))';
  const env = { PATH, TOOLCHAIN: 'here', TOKEN: 'secret' };
  const passed = { allow: ['PATH', 'TOOLCHAIN'], set: { MODE: 'ci' } };
  const outcome = await run([process.execPath, '-e', script], {}, { env, passed });
  expect(text(outcome.stdout)).toBe('["here","ci",null]\n');
});

test('check runner: sees what the policy sets for it, whatever the worker has', async () => {
  const script = 'console.log(JSON.stringify([process.env.MODE, process.env.TZ]))';
  const passed = { allow: ['PATH', 'TZ'], set: { MODE: 'worker' } };
  const call = { env: { MODE: 'policy', TZ: 'UTC' } };
  const outcome = await run([process.execPath, '-e', script], call, { env: { PATH, TZ: 'Asia/Tokyo' }, passed });
  expect(text(outcome.stdout)).toBe('["policy","UTC"]\n');
});

describe('check runner: caches', () => {
  const cache = { repository: 'shop', policy_sha256: 'a'.repeat(64), keep: true };
  const caches = () => createCheckCaches(join(root, 'check-caches'));
  const leave = 'ls -A "$npm_config_cache"; echo "$npm_config_cache"; touch "$npm_config_cache/$LEAVES"';
  const script = ['sh', '-c', leave];
  const first = (outcome: { readonly stdout: Content }) => text(outcome.stdout).split('\n').at(0);

  test('a check finds what one before left, in a folder of its own under its scratch folder', async () => {
    writeFileSync(join(directory, 'package-lock.json'), '{}');
    const options = { caches: caches() };
    const own = await run(script, { cache, env: { LEAVES: 'a' } }, options);
    expect(first(own)).toMatch(new RegExp(`^${join(root, 'scratch')}/[^/]+/cache/npm$`));
    expect(first(await run(script, { cache: { ...cache, keep: false }, env: { LEAVES: 'b' } }, options))).toBe('a');
    const third = await run(script, { cache, env: { LEAVES: 'c' } }, options);
    expect(text(third.stdout).split('\n').slice(0, -2)).toEqual(['a']);
  });

  test('nothing is kept of a check that was stopped', async () => {
    writeFileSync(join(directory, 'package-lock.json'), '{}');
    const options = { caches: caches() };
    const stopped = { cache, env: { LEAVES: 'half' }, timeout_ms: 700 };
    expect(await run(['sh', '-c', `${leave}; sleep 60`], stopped, options)).toMatchObject({ status: 'timed_out' });
    expect(first(await run(script, { cache, env: { LEAVES: 'a' } }, options))).not.toBe('half');
  });

  test('a cache that the worker config names goes first', async () => {
    writeFileSync(join(directory, 'package-lock.json'), '{}');
    const passed = { allow: ['PATH'], set: { npm_config_cache: join(root, 'own') } };
    const outcome = await run(['sh', '-c', 'echo "$npm_config_cache"'], { cache }, { caches: caches(), passed });
    expect(text(outcome.stdout)).toBe(`${join(root, 'own')}\n`);
  });
});
