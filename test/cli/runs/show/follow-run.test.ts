import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { createOutput } from '../../../../src/cli/app/output.js';
import { clock, createProgressView, describeProgress, followRun } from '../../../../src/cli/runs/show/follow-run.js';
import type { GovernedRuns } from '../../../../src/client/client.js';
import type { GateAtWork } from '../../../../src/client/progress.js';
import type { RunTrouble } from '../../../../src/client/trouble.js';
import { PromptOsError } from '../../../../src/contracts/errors.js';
import type { GateProgress } from '../../../../src/contracts/run/gate-progress.js';
import type { RunStatus } from '../../../../src/contracts/run/run-status.js';

// Followers look again at once.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<object>()),
  setTimeout: async () => undefined,
}));

/** A run that has ended, on a server without workers. */
const endedRun = {
  status: async () => {
    throw new PromptOsError('WORKER_MISSING', 'No worker answers.');
  },
  describe: async () => ({ status: 'COMPLETED' }),
  wait: async () => ({ outcome: 'approved', run_record_sha256: 'a'.repeat(64) }),
} as unknown as GovernedRuns;

test('followRun: a run that has ended is not waited for, where no worker answers and the store has no record of it', async () => {
  const output = createOutput({
    json: false,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    stdinIsTerminal: false,
    noColor: true,
  });
  const { signal } = new AbortController();
  const followed = followRun({ runs: endedRun, runId: 'run-1', output, signal, published: async () => null });
  await expect(followed).rejects.toMatchObject({
    code: 'WORKER_MISSING',
    summary: 'Run run-1 has ended. Its record is not in this store, and no worker answers.',
  });
});

/** A run whose record cannot be published for a while: its third look for trouble finds that it has ended. */
function stuckRun(troubles: readonly RunTrouble[]) {
  const left = [...troubles];
  return {
    status: async () => ({ phase: 'finalising', gates: [], awaiting: [], run_record_sha256: null }),
    describe: async () => ({ status: left.length === 0 ? 'COMPLETED' : 'RUNNING' }),
    wait: async () => undefined,
    moment: async () => ({ at_work: null }),
    trouble: async () => left.shift() ?? null,
  } as unknown as GovernedRuns;
}

test('followRun: what keeps a run from its record is printed once, however often it is tried', async () => {
  const { output, written } = recordedOutput();
  const trouble: RunTrouble = {
    ...{ state: 'retrying', step: 'promptos_finalise', code: 'STORE_FULL', message: 'No space is left on the device.' },
    ...{ worker: '4711@build-2', host: 'build-2', tries: 1, next_try_at: null },
  };
  const published = async () => ({ gates: [] }) as unknown as RunStatus;
  const runs = stuckRun([trouble, { ...trouble, tries: 2 }]);
  await followRun({ runs, runId: 'run-1', output, published });
  expect(written().match(/stuck .*/g)).toEqual(['stuck   the record cannot be published: STORE_FULL']);
});

/** A run on a server that is gone: no look at it ends. */
const unansweredRun = { status: () => new Promise(() => undefined) } as unknown as GovernedRuns;

test('followRun: stopped, it ends at once, also while the server does not answer', async () => {
  const { output } = recordedOutput();
  const stop = new AbortController();
  const followed = followRun({
    runs: unansweredRun,
    runId: 'run-1',
    output,
    signal: stop.signal,
    published: async () => null,
  });
  stop.abort();
  expect(await followed).toBeNull();
});

/** A run that waits for one answer. */
const awaitingRun = {
  status: async () => ({ phase: 'open', gates: [], awaiting: [{ request_id: 'P01.1.1' }], run_record_sha256: null }),
} as unknown as GovernedRuns;

test('followRun: stopped while an answer is given, it waits for the answer, and fails as that does', async () => {
  const { output } = recordedOutput();
  for (const fails of [false, true]) {
    const stop = new AbortController();
    let given = false;
    const followed = followRun({
      runs: awaitingRun,
      runId: 'run-1',
      output,
      signal: stop.signal,
      published: async () => null,
      onAwaiting: async () => {
        await new Promise(setImmediate);
        stop.abort();
        await new Promise(setImmediate);
        given = true;
        if (fails) throw new PromptOsError('TEMPORAL_FAILED', 'The answer did not arrive.');
      },
    });
    if (fails) await expect(followed).rejects.toMatchObject({ code: 'TEMPORAL_FAILED' });
    else expect(await followed).toBeNull();
    expect(given).toBe(true);
  }
});

const STARTED = '2026-01-02T03:04:05.678Z';
const progress = (parts: Partial<GateProgress> = {}): GateProgress => ({
  gate: 'P06',
  attempt: 1,
  try: 0,
  activity: 'check tests',
  started_at: STARTED,
  elapsed_ms: 92_000,
  times_out_at: '2026-01-02T03:14:05.678Z',
  timeout_ms: 600_000,
  last_line: 'ok 12',
  output: [],
  ...parts,
});
const atWork = (parts: Partial<GateAtWork> = {}): GateAtWork => ({
  started: true,
  since: new Date(STARTED),
  handed_out: 1,
  last_failure: null,
  progress: progress(),
  ...parts,
});

function recordedOutput({ json = false, isTTY = false } = {}) {
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40 });
  const stderr = new PassThrough();
  const output = createOutput({ json, stdout, stderr, stdinIsTerminal: isTTY, noColor: true, canRedraw: true });
  return { output, written: () => String(stdout.read() ?? '') };
}

test.each([
  [0, '0:00'],
  [9_999, '0:09'],
  [65_000, '1:05'],
  [3_600_000, '1:00:00'],
  [90_061_000, '25:01:01'],
])('clock: %s ms', (milliseconds, text) => {
  expect(clock(milliseconds)).toBe(text);
});

test('describeProgress: the activity with its time and time-out, then the last line', () => {
  expect(describeProgress(atWork(), 3_000)).toEqual([
    'check tests: 1:35 of 10:00, time-out at 2026-01-02T03:14:05.678Z',
    '│ ok 12',
  ]);
  const unlimited = progress({ activity: 'prepare', timeout_ms: null, times_out_at: null, last_line: null });
  expect(describeProgress(atWork({ progress: unlimited }))).toEqual(['prepare: 1:32']);
});

test('describeProgress: a gate that no worker has, that is tried again, or of which nothing was said', () => {
  expect(describeProgress(atWork({ started: false, progress: null }))).toEqual([`waits for a worker since ${STARTED}`]);
  expect(describeProgress(atWork({ started: false, handed_out: 3, last_failure: 'store\u001b[2J lost' }))).toEqual([
    `is tried again at ${STARTED}: store␛[2J lost`,
  ]);
  expect(describeProgress(atWork({ progress: null }))).toEqual([`at work since ${STARTED}`]);
});

test('describeProgress: nothing that a terminal would obey, and no long line', () => {
  const hostile = progress({ activity: '\u001b[2J\u202e', last_line: `\u009b2J\r\u2066${'x'.repeat(180)}` });
  for (const line of describeProgress(atWork({ progress: hostile }))) {
    expect(line).not.toMatch(/[\p{Cc}\u202e\u2066]/u);
    expect(line.length).toBeLessThan(240);
  }
});

test('progress view: without a terminal a line for each change, none for the passing of time', () => {
  const { output, written } = recordedOutput();
  const show = createProgressView(output);
  show(atWork());
  expect(written()).toBe('    check tests: 1:32 of 10:00, time-out at 2026-01-02T03:14:05.678Z  │ ok 12\n');
  show(atWork({ progress: progress({ elapsed_ms: 94_000 }) }));
  expect(written()).toBe('');
  show(atWork({ progress: progress({ elapsed_ms: 96_000, last_line: 'ok 13' }) }));
  expect(written()).toContain('1:36 of 10:00');
});

test('progress view: what has just begun is not shown', () => {
  const { output, written } = recordedOutput();
  createProgressView(output)(atWork({ progress: progress({ elapsed_ms: 100 }) }));
  expect(written()).toBe('');
});

test('progress view: on a terminal the lines are drawn again, and go when the gate has ended', () => {
  const { output, written } = recordedOutput({ isTTY: true });
  const show = createProgressView(output);
  show(atWork());
  expect(written()).toContain('│ ok 12\n');
  show(atWork({ progress: progress({ elapsed_ms: 94_000 }) }));
  expect(written()).toMatch(/^\u001b\[2A\r\u001b\[J.*1:34 of 10:00/s);
  show(null);
  expect(written()).toBe('\u001b[2A\r\u001b[J');
});

test('progress view: with --json an object for each change, without the outputs', () => {
  const { output, written } = recordedOutput({ json: true });
  createProgressView(output)(atWork());
  const { output: _, ...said } = progress();
  const facts = { started: true, since: STARTED, handed_out: 1, last_failure: null };
  expect(JSON.parse(written())).toEqual({ event: 'progress', ...facts, ...said });
});
