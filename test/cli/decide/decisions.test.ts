import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AwaitedDecision } from '../../../src/contracts/run/run-status.js';
import { promptos } from '../../support/command-line.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  STRAIGHT,
  type WorkedRun,
} from '../../support/governed-worker.js';
import { outputs } from '../../support/scripted-executor.js';
import { makeSiteHome } from '../../support/site-home.js';
import { startTestServer, type TestServer } from '../../support/temporal.js';

/*
 * The whole command line in this process, against a real server and a real worker: only the agents are scripted.
 */

let server: TestServer;
let site: GovernedWorker;
let cwd: string;
let env: Record<string, string | undefined>;
beforeAll(async () => {
  // A server of its own: what is listed, and which run is the latest, must not hang on other test files.
  server = await startTestServer();
  site = await createGovernedWorker({ address: server.address });
  ({ cwd, env } = await makeSiteHome(site, server.address));
});
afterAll(async () => {
  await site.close();
  await server.stop();
});

const type = (...args: readonly string[]) => promptos(args, { cwd, env });
const typeJson = async (...args: readonly string[]) => {
  const { exitCode, objects } = await type(...args, '--json');
  return { exitCode, last: objects().at(-1), objects: objects() };
};

/** The run once it awaits a decision on its first gate. */
async function awaitingRun(
  options: Parameters<GovernedWorker['startRun']>[0] = {},
): Promise<[WorkedRun, AwaitedDecision]> {
  const run = await site.startRun(options);
  return [run, await run.awaitDecision('P00')];
}
const ended = (run: WorkedRun) => site.runs.wait(run.runId);

describe('approve', () => {
  test('approve: the one pending request counts, and the run goes on to its end', async () => {
    const [run] = await awaitingRun();
    const { exitCode, stdout, stderr } = await type(
      'approve',
      run.runId,
      '--gate',
      'P00',
      '--as',
      'grace',
      '--comment',
      'Über-clear',
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'counted: approval of P00\n' });
    expect(stderr).toBe(`run     ${run.runId} of example\n`);
    expect((await ended(run)).outcome).toBe('approved');
    const counted = (await site.publishedLedger(run.runId)).find((entry) => entry.type === 'decisionCounted');
    expect(counted).toMatchObject({ decision: { actor: 'grace', choice: 'approve', comment: 'Über-clear' } });
  });

  test('the beginning of a run id is enough, --json answers with objects, an id of the own is kept', async () => {
    const [run] = await awaitingRun();
    const approve = ['approve', run.runId.slice(0, -3), '--yes', '--as', 'grace', '--decision-id', 'mine-1'];
    const answer = await eventually(async () => {
      const { exitCode, last } = await typeJson(...approve);
      return exitCode === 0 ? last : null; // the server's listing may lag a moment behind
    }, 'the run in the listing');
    expect(answer).toEqual({
      run_id: run.runId,
      target_repo: 'example',
      delivery: 'answered',
      accepted: true,
      reason: null,
      message: 'counted',
    });
    await ended(run);
    expect(await site.publishedLedger(run.runId)).toContainEqual(
      expect.objectContaining({ decision: expect.objectContaining({ decision_id: 'mine-1' }) }),
    );
  });

  test('by a person whose key the policy lacks: KEY_NOT_FOUND, and nothing is sent', async () => {
    const [run] = await awaitingRun();
    const { exitCode, last } = await typeJson('approve', run.runId, '--gate', 'P00', '--as', 'mallory');
    expect({ exitCode, last }).toMatchObject({ exitCode: 2, last: { error: { code: 'KEY_NOT_FOUND' } } });
    expect((await run.status()).refusals).toBe(0);
  });

  test.each([
    ['ada', 'NOT_AN_INTEGRATOR'],
    ['nina', 'NOT_AN_INTEGRATOR'],
  ])('by %s: refused with %s, exit 1, and written down', async (actor, reason) => {
    const [run] = await awaitingRun();
    const { exitCode, objects } = await typeJson('approve', run.runId, '--gate', 'P00', '--as', actor);
    expect(exitCode).toBe(1);
    expect(objects[0]).toMatchObject({ delivery: 'answered', accepted: false, reason });
    expect(objects[1]).toMatchObject({ error: { code: 'DECISION_REFUSED' } });
    expect(await run.ledger()).toContainEqual(
      expect.objectContaining({ type: 'refused', reason, claimed_actor: actor }),
    );
  });

  test('a gate that is not awaited: NOTHING_AWAITED says what is, and nothing is sent', async () => {
    const [run] = await awaitingRun();
    const { exitCode, stderr } = await type('approve', run.runId, '--gate', 'P07', '--as', 'grace');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`error NOTHING_AWAITED: Run ${run.runId} awaits no decision on P07.`);
    expect(stderr).toContain('a decision on P00 Context Lock (P00.1.1): 0 of 1 approval');
    expect((await run.status()).refusals).toBe(0);
  });

  test('approve: --request-id that is not pending is sent, refused and recorded', async () => {
    const [run] = await awaitingRun();
    const { exitCode, stderr } = await type('approve', run.runId, '--request-id', 'P00.1.7', '--as', 'grace');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error DECISION_REFUSED: Refused (REQUEST_NOT_STANDING)');
    expect((await run.status()).refusals).toBe(1);
  });

  test.each([
    [['--as', 'not a name', '--gate', 'P00'], 'USAGE', 2],
    [['--as', 'grace'], 'USAGE', 2],
    [[], 'NOT_A_TERMINAL', 2],
  ])('%j: exit code and code', async (args, code, exit) => {
    const [run] = await awaitingRun();
    const { exitCode, last } = await typeJson('approve', run.runId, ...args);
    expect({ exitCode, last }).toMatchObject({ exitCode: exit, last: { error: { code } } });
    expect((await run.status()).refusals).toBe(0);
  });

  test('a run that has ended: RUN_CLOSED; one that never was: RUN_NOT_FOUND', async () => {
    const [run] = await awaitingRun();
    await run.approve('P00');
    await ended(run);
    expect(await typeJson('approve', run.runId, '--gate', 'P00', '--as', 'grace')).toMatchObject({
      exitCode: 1,
      last: { error: { code: 'RUN_CLOSED' } },
    });
    expect(await typeJson('approve', 'no-such-run', '--gate', 'P00', '--as', 'grace')).toMatchObject({
      exitCode: 1,
      last: { error: { code: 'RUN_NOT_FOUND' } },
    });
  });
});

describe('reject', () => {
  test.each([
    ['without a reason', []],
    ['with an empty reason', ['--gate', 'P00', '--comment', '']],
    ['with a blank reason', ['--gate', 'P00', '--comment', ' \t']],
  ])('%s: USAGE, nothing is sent', async (_, line) => {
    const [run] = await awaitingRun();
    const { exitCode, stderr } = await type('reject', run.runId, '--as', 'grace', ...line);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error USAGE: A rejection needs a reason: --comment TEXT.');
    expect((await run.status()).refusals).toBe(0);
  });

  test('with a reason: the next attempt gets it to read', async () => {
    const scripts = { nina: [outputs(exampleOutputs().P00), outputs(exampleOutputs().P00)] };
    const [run] = await awaitingRun({ scripts });
    const { exitCode } = await type(
      'reject',
      run.runId,
      '--gate',
      'P00',
      '--as',
      'grace',
      '--comment',
      'Say "why"\nin two lines',
    );
    expect(exitCode).toBe(0);
    await eventually(async () => ((await run.status()).gates[0]?.attempt === 2 ? true : null), 'the second attempt');
    await run.awaitDecision('P00');
    expect(run.executors.calls[1]?.prompt).toContain('Say \\"why\\"\\nin two lines');
  });

  test('--final: the run ends as rejected; watch and status answer 1 and from the record', async () => {
    const [run] = await awaitingRun();
    expect(
      (await type('reject', run.runId, '--gate', 'P00', '--as', 'grace', '--comment', 'no', '--final')).exitCode,
    ).toBe(0);
    expect((await ended(run)).outcome).toBe('rejected');
    const watched = await typeJson('run', 'watch', run.runId);
    expect(watched).toMatchObject({
      exitCode: 1,
      last: { run_id: run.runId, outcome: 'rejected', tree: site.store.locate(run.runId) },
    });
    const { exitCode, last } = await typeJson('run', 'status', run.runId);
    expect(exitCode).toBe(0);
    expect(last).toMatchObject({ phase: 'closed', outcome: 'rejected', outcome_reason: 'no', awaiting: [] });
  });

  test('to a gate that the run cannot go back to: refused', async () => {
    const [run] = await awaitingRun();
    const { exitCode, objects } = await typeJson(
      'reject',
      run.runId,
      '--yes',
      '--as',
      'grace',
      '--comment',
      'x',
      '--to',
      'P07',
    );
    expect({ exitCode, first: objects[0] }).toMatchObject({ exitCode: 1, first: { reason: 'TARGET_INVALID' } });
  });
});

describe('escalate and resolve', () => {
  test('a person stops a run, and an integrator lets it go on', async () => {
    const [run] = await awaitingRun();
    const options = [
      '--option',
      'wait',
      '--option',
      'go on',
      '--impact',
      'none',
      '--security-sensitive',
      '--as',
      'ada',
    ];
    expect((await type('escalate', run.runId, '--issue', 'Stop!', ...options)).exitCode).toBe(0);
    await run.awaitEscalation('E1');
    const opened = (await run.ledger()).find((entry) => entry.type === 'escalationOpened');
    expect(opened).toMatchObject({
      raised_by: 'ada',
      report: { issue: 'Stop!', impact: 'none', options: ['wait', 'go on'], security_sensitive: true },
    });
    const shown = await type('run', 'status', run.runId);
    expect(shown.stdout).toContain('awaits  E1 at P00, raised by ada (person): Stop!');
    expect(shown.stdout).toContain(`→ promptos resolve ${run.runId} E1 --choose continue --as grace`);

    expect(await typeJson('resolve', run.runId, 'E2', '--choose', 'continue', '--as', 'grace')).toMatchObject({
      exitCode: 1,
      last: { error: { code: 'NOTHING_AWAITED' } },
    });
    expect(await typeJson('resolve', run.runId, '--choose', 'continue')).toMatchObject({
      exitCode: 2,
      last: { error: { code: 'NOT_A_TERMINAL' } },
    });
    expect((await type('resolve', run.runId, 'E1', '--choose', 'continue', '--as', 'grace')).stdout).toBe(
      'counted: continue on E1\n',
    );
    await run.approve('P00');
    expect((await ended(run)).outcome).toBe('approved');
  });

  test('abort: the run ends as aborted, with the guidance as its reason', async () => {
    const [run] = await awaitingRun();
    await type('escalate', run.runId, '--issue', 'Stop!');
    await run.awaitEscalation('E1');
    await type('resolve', run.runId, 'E1', '--choose', 'abort', '--guidance', 'not needed', '--as', 'grace');
    expect((await ended(run)).outcome).toBe('aborted');
    expect((await type('run', 'status', run.runId)).stdout).toContain('state   aborted: not needed');
  });
});

describe('run', () => {
  test('list: the newest first, at most --limit, one object a line', async () => {
    const [first] = await awaitingRun();
    const [second] = await awaitingRun({ scripts: STRAIGHT });
    const listed = await eventually(async () => {
      const { objects } = await typeJson('run', 'list', '--limit', '2');
      const ids = objects.map(({ run_id }) => run_id);
      return ids[0] === second.runId ? objects : null;
    }, 'both runs in the listing');
    expect(listed.map(({ run_id, state, developer }) => ({ run_id, state, developer }))).toEqual([
      { run_id: second.runId, state: 'running', developer: 'ada' },
      { run_id: first.runId, state: 'running', developer: 'ada' },
    ]);
    const { last } = await typeJson('run', 'status', 'latest');
    expect(last).toMatchObject({ run_id: second.runId });
  });

  test('status: what is awaited, and the commands that answer it', async () => {
    const [run] = await awaitingRun();
    const { stdout } = await type('run', 'status', run.runId);
    expect(stdout).toContain('state   waiting for a person');
    expect(stdout).toContain(`→ promptos approve ${run.runId} --gate P00 --as grace`);
    expect(stdout).toContain(`→ promptos reject ${run.runId} --gate P00 --as grace --comment "why"`);
  });

  test('a beginning that several runs have: RUN_AMBIGUOUS names some', async () => {
    await awaitingRun();
    await awaitingRun();
    const result = await eventually(async () => {
      const { exitCode, last } = await typeJson('run', 'status', 'run-');
      return exitCode === 2 ? last : null;
    }, 'two runs in the listing');
    expect(result).toMatchObject({ error: { code: 'RUN_AMBIGUOUS' } });
  });

  test('cancel: the run ends as cancelled with a record; once more is RUN_CLOSED', async () => {
    const [run] = await awaitingRun();
    const line = ['run', 'cancel', run.runId, '--as', 'ada', '--reason', 'Wrong branch.', '--yes'];
    const { exitCode, stdout, stderr } = await type(...line);
    expect({ exitCode, stdout, stderr }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('counted: the cancellation'),
      stderr: expect.stringContaining(`run     ${run.runId} of example\n`),
    });
    expect((await ended(run)).outcome).toBe('cancelled');
    const shown = await type('run', 'status', run.runId);
    expect(shown.stdout).toMatch(/^state {3}cancelled: Wrong branch\.\nby {6}ada, signed by SHA256:\S+$/m);
    expect(await typeJson(...line)).toMatchObject({
      exitCode: 1,
      last: { error: { code: 'RUN_CLOSED' } },
    });
    expect(await typeJson('run', 'watch', run.runId)).toMatchObject({ exitCode: 1, last: { outcome: 'cancelled' } });
  });

  test('cancel: refuses a line that lacks the name, the reason or --yes, and what the run refuses', async () => {
    const [run] = await awaitingRun();
    const as = ['--as', 'ada'];
    const reason = ['--reason', 'Wrong branch.'];
    const credential = ['AKIA', 'Z7QXWMB4KTHDJ3RF'].join('');
    const cases = [
      [[], 2, 'NOT_A_TERMINAL'],
      [[...reason, '--yes'], 2, 'NOT_A_TERMINAL'],
      [[...as, '--yes'], 2, 'USAGE'],
      [[...as, '--reason', ' ', '--yes'], 2, 'USAGE'],
      [[...as, ...reason], 2, 'USAGE'],
      [[...as, '--reason', `It used ${credential}.`, '--yes'], 2, 'MESSAGE_HOLDS_SECRET'],
      [['--as', 'nina', ...reason, '--yes'], 1, 'DECISION_REFUSED'],
    ] as const;
    for (const [line, exitCode, code] of cases) {
      const refused = await typeJson('run', 'cancel', run.runId, ...line);
      expect(refused, line.join(' ')).toMatchObject({ exitCode, last: { error: { code } } });
    }
    const ledger = await run.ledger();
    expect(ledger.filter(({ type }) => type === 'refused')).toMatchObject([
      { kind: 'cancellation', reason: 'MAY_NOT_CANCEL', claimed_actor: 'nina' },
    ]);
    await run.approve('P00');
  });

  test('cancel --print: prints the message for a signal form, and sends nothing', async () => {
    const [run] = await awaitingRun();
    const line = ['run', 'cancel', run.runId, '--as', 'grace', '--reason', 'Not needed.', '--print'];
    const { stdout, stderr, exitCode } = await type(...line);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`signal  cancel of the workflow promptos/run/${run.runId}`);
    expect((await run.status()).phase).toBe('open');
    await run.handle.signal('cancel', JSON.parse(stdout));
    expect((await ended(run)).outcome).toBe('cancelled');
  });

  test("cancel: Temporal's own is shown as such", async () => {
    const [run] = await awaitingRun();
    await run.handle.cancel();
    expect((await ended(run)).outcome).toBe('cancelled');
    expect((await type('run', 'status', run.runId)).stdout).toContain(
      'state   cancelled: cancelled through Temporal\nby      unknown: cancelled through Temporal, unsigned\n',
    );
    expect((await type('run', 'watch', run.runId)).stdout).toContain('unknown: cancelled through Temporal, unsigned');
  });

  test('watch: prints each gate and ends with 0 when the run was approved', async () => {
    const [run] = await awaitingRun();
    const watching = type('run', 'watch', run.runId);
    await run.approve('P00');
    const { exitCode, stdout } = await watching;
    expect(exitCode).toBe(0);
    expect(stdout).toContain('P00 Context Lock');
    expect(stdout).toContain('APPROVED: every gate passed');
    expect(stdout).toContain('> **Governed Session**');
  });

  test('without a server: published runs are listed and shown all the same', async () => {
    const [run] = await awaitingRun();
    await run.approve('P00');
    await ended(run);
    const offline = { cwd, env: { ...env, TEMPORAL_ADDRESS: undefined } };
    const listed = await promptos(['run', 'list', '--json'], offline);
    expect(listed.objects()).toContainEqual(expect.objectContaining({ run_id: run.runId, state: 'approved' }));
    const status = await promptos(['run', 'status', run.runId], offline);
    expect(status).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('state   approved: every gate passed'),
    });
    const beginning = await promptos(['run', 'status', run.runId.slice(0, -2)], offline);
    expect(beginning.stdout).toContain(`run     ${run.runId}`);
    const unknown = await promptos(['run', 'status', 'no-such-run', '--json'], offline);
    expect(unknown).toMatchObject({ exitCode: 1 });
    expect(unknown.objects()).toEqual([{ error: expect.objectContaining({ code: 'SERVER_NOT_RUNNING' }) }]);
  });
});
