import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { PROMPTOS } from '../../../support/built-package.js';
import { promptos } from '../../../support/command-line.js';
import { EXAMPLE_POLICY } from '../../../support/governed-repository.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  type WorkedRun,
} from '../../../support/governed-worker.js';
import { makeSiteHome } from '../../../support/site-home.js';
import { KEYS, onTerminal } from '../../../support/terminal.js';

/*
 * What people see of a check while it runs, and afterwards: on a real server, with a real check that goes on when the test says
 * so.
 */

/** Of the form of a GitHub token; it is none. */
const TOKEN = `ghp_${'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36)}`;

/** A check that prints something for each file that appears. The token is put together here, so that no file has it. */
const SLOW_CHECK = `
const { existsSync } = require('node:fs');
const folder = process.argv[2];
const until = async (name) => { while (!existsSync(folder + '/' + name)) await new Promise((next) => setTimeout(next, 30)); };
const token = 'ghp_' + 'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36);
(async () => {
  console.log('the check has begun');
  console.log('\\u001b[2J\\u001b]0;owned\\u0007 hostile \\u202e line');
  process.stdout.write('login with ' + token.slice(0, 11));
  await until('second-half');
  process.stdout.write(token.slice(11) + '\\n');
  await until('more');
  for (let line = 1; line <= 3; line += 1) console.log('line ' + line);
  console.error('a warning');
  await until('end');
  console.log('the last words of the check');
})();
`;

const OTHERS_PASS = { P00: 0, P01: 0, P03: 0, P05: 0, P06: 1, P07: 1 };

let signals: string;
let site: GovernedWorker;
let cwd: string;
let env: Record<string, string | undefined>;
const children: ChildProcess[] = [];

beforeAll(async () => {
  signals = await mkdtemp(join(tmpdir(), 'promptos-progress-'));
  const address = inject('temporalAddress');
  const policy = EXAMPLE_POLICY.replace('argv: [node, test.js]', `argv: [node, test.js, ${signals}]`).replace(
    '60s',
    '10m',
  );
  site = await createGovernedWorker({
    address,
    policy: `${policy.trimEnd()}\nbaseline: off\nrequired_gates: [P05]\napprovals: ${JSON.stringify(OTHERS_PASS)}\n`,
    files: { 'README.md': '# Split\n', 'src/split.js': "export const split = 'wrong';\n", 'test.js': SLOW_CHECK },
  });
  ({ cwd, env } = await makeSiteHome(site, address));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(signals, { recursive: true, force: true });
  await mkdir(signals);
});
afterAll(async () => {
  await site.close();
  await rm(signals, { recursive: true, force: true });
});

const say = (name: string) => writeFile(join(signals, name), '');
const type = (...args: readonly string[]) => promptos([...args, '--json'], { cwd, env });
const startRun = (): Promise<WorkedRun> => site.startRun({ gates: ['P00', 'P01', 'P03', 'P05', 'P06'] });

/** A command that goes on by itself, and what it has written so far. */
function follow(...args: readonly string[]) {
  const child = spawn(PROMPTOS, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const seen = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    seen.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    seen.stderr += text;
  });
  const closed = once(child, 'close');
  return {
    seen,
    shows: async (text: string | RegExp) => {
      const found = await eventually(async () => seen.stdout.match(text), String(text)).catch(() => null);
      if (found === null) throw new Error(`${args.join(' ')} never showed ${text}:\n${seen.stdout}\n${seen.stderr}`);
    },
    ended: async () => (await closed)[0] as number | null,
  };
}

const objectsOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** Anything that a terminal obeys, beside line ends and tabs. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069]/;
const showsNoToken = (text: string) => {
  for (let start = 4; start + 8 <= TOKEN.length; start += 4) expect(text).not.toContain(TOKEN.slice(start, start + 8));
};

test('a check that runs: logs, status and watch show it as it goes on, without credentials and without escapes', async () => {
  const run = await startRun();
  const logs = follow('run', 'logs', run.runId, '--follow');
  const status = follow('run', 'status', run.runId, '--follow');
  const watch = follow('run', 'watch', run.runId);
  const machine = follow('run', 'logs', run.runId, '--gate', 'P06', '--follow', '--json');

  await logs.shows('==> P06, attempt 1: evidence/checks/tests.stdout.txt <==\nthe check has begun');
  await status.shows(/check tests: \d:\d\d of 10:00, time-out at \d{4}-\d\d-\d\dT[\d:.]+Z {2}│/);
  await watch.shows(/check tests: \d:\d\d of 10:00/);

  const [now] = (await type('run', 'status', run.runId)).objects();
  expect(now).toMatchObject({
    gates: expect.arrayContaining([expect.objectContaining({ gate: 'P06', state: 'running' })]),
    progress: { started: true, handed_out: 1, gate: 'P06', attempt: 1, activity: 'check tests', timeout_ms: 600_000 },
  });
  const once = await type('run', 'logs', run.runId);
  expect(once.exitCode).toBe(0);
  expect(once.objects()).toContainEqual({
    event: 'log',
    line: 'the check has begun',
    gate: 'P06',
    attempt: 1,
    path: 'evidence/checks/tests.stdout.txt',
  });

  await say('second-half');
  await logs.shows(/login with \[masked: [\w-]+, sha256 [0-9a-f]{8}\]\n/);
  await say('more');
  await logs.shows('line 3\n');
  await logs.shows('==> P06, attempt 1: evidence/checks/tests.stderr.txt <==\na warning\n');
  await status.shows(/│ (line 3|a warning)/);

  // On a terminal the status is drawn again, and Ctrl-C ends that and nothing else.
  const drawn = await onTerminal(['run', 'status', run.runId, '--follow'], {
    cwd,
    env,
    typed: [[/│ a warning/, KEYS.interrupt]],
  });
  expect(drawn.exitCode).toBe(130);
  expect(drawn.screen).toContain(`run     ${run.runId}`);
  const broken = await onTerminal(['run', 'watch', run.runId], { cwd, env, typed: [[/│ a warning/, KEYS.interrupt]] });
  expect(broken.exitCode).toBe(130);
  for (const { screen } of [drawn, broken]) expect(screen).toContain(`Stopped by SIGINT. Run ${run.runId} goes on.`);
  const stopped = follow('run', 'logs', run.runId, '--follow');
  await stopped.shows('a warning');
  children.at(-1)?.kill('SIGTERM');
  expect(await stopped.ended()).toBeNull();
  expect(stopped.seen.stderr).toContain(`Stopped by SIGTERM. Run ${run.runId} goes on.`);

  await say('end');
  // What was printed after the last heartbeat follows from the store; with a gate, its end is the end.
  expect(await machine.ended()).toBe(0);
  expect(objectsOf(machine.seen.stdout).filter(({ event }) => event !== 'gap')).toContainEqual(
    expect.objectContaining({ event: 'log', line: 'the last words of the check', gate: 'P06', attempt: 1 }),
  );
  expect(objectsOf(machine.seen.stdout).at(-1)).toEqual({ event: 'ended', gate: 'P06', attempt: 1, kept: true });
  await logs.shows('the last words of the check\n');
  await run.approve('P06');
  expect(await Promise.all([logs.ended(), status.ended(), watch.ended()])).toEqual([0, 0, 0]);
  expect(status.seen.stdout).toContain('state   approved');
  // Each line once, however often the end of the output was sent.
  expect(logs.seen.stdout.match(/^line 2$/gm)).toHaveLength(1);
  expect(logs.seen.stdout.match(/^the last words of the check$/gm)).toHaveLength(1);
  for (const { seen } of [logs, status, watch, machine]) {
    expect(`${seen.stdout}${seen.stderr}`).not.toMatch(OBEYED);
    showsNoToken(`${seen.stdout}${seen.stderr}`);
  }

  // The history knows nothing of it.
  const { events } = await run.handle.fetchHistory();
  expect(JSON.stringify(events?.map((event) => JSON.stringify(event)))).not.toMatch(/the check has begun/);
  for (const event of events ?? []) {
    const payloads = event.activityTaskCompletedEventAttributes?.result?.payloads ?? [];
    for (const { data } of payloads) expect(Buffer.from(data ?? []).toString()).not.toContain('the check has begun');
  }
});

test('a check that has run: its logs come from the store, with and without a server', async () => {
  for (const name of ['second-half', 'more', 'end']) await say(name);
  const run = await startRun();
  await run.awaitDecision('P06');
  const open = await type('run', 'logs', run.runId);
  const lines = open.objects().map(({ line }) => line);
  expect(lines).toEqual(expect.arrayContaining(['the check has begun', 'line 1', 'a warning']));
  showsNoToken(open.stdout);
  const earlier = await promptos(['run', 'logs', run.runId, '--gate', 'P05', '--attempt', '1'], { cwd, env });
  expect(earlier).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('P05, attempt 1: try-1/stdout.txt') });
  expect(await type('run', 'logs', run.runId, '--gate', 'P06', '--follow')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('the last words of the check'),
  });

  const code = (result: Awaited<ReturnType<typeof type>>) => [
    result.exitCode,
    (result.objects().at(-1)?.error as { code?: string } | undefined)?.code,
  ];
  expect(code(await type('run', 'logs', run.runId, '--gate', 'P07'))).toEqual([1, 'LOGS_NOT_FOUND']);
  expect(code(await type('run', 'logs', run.runId, '--gate', 'P06', '--attempt', '7'))).toEqual([1, 'LOGS_NOT_FOUND']);
  expect(code(await type('run', 'logs', run.runId, '--gate', 'P99'))).toEqual([2, 'USAGE']);
  expect(code(await type('run', 'logs', run.runId, '--attempt', '0'))).toEqual([2, 'USAGE']);
  expect(code(await type('run', 'logs', 'no-such-run'))).toEqual([1, 'RUN_NOT_FOUND']);

  await run.approve('P06');
  await site.runs.wait(run.runId);
  const offline = { cwd, env: { ...env, TEMPORAL_ADDRESS: undefined } };
  const published = await promptos(['run', 'logs', run.runId], offline);
  expect(published).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('\nline 3\n') });
  expect(published.stdout).toContain('hostile <U+202E> line');
  expect(published.stdout).not.toMatch(OBEYED);
  const missing = await promptos(['run', 'logs', run.runId, '--gate', 'P07', '--json'], offline);
  expect(code(missing as Awaited<ReturnType<typeof type>>)).toEqual([1, 'LOGS_NOT_FOUND']);
});
