import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { createFileSystemStore } from '../../../src/adapters/store/fs/file-system-store.js';
import { createOutput } from '../../../src/cli/app/output.js';
import { askAwaited, decideUnattended } from '../../../src/cli/decide/answer-awaited.js';
import { showRequest } from '../../../src/cli/decide/show-request.js';
import type { GovernedRuns } from '../../../src/client/client.js';
import type { Delivery } from '../../../src/client/options.js';
import type { GateId } from '../../../src/contracts/names.js';
import type { Decision, RefusalReason, Resolution } from '../../../src/contracts/run/decisions.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../../src/contracts/run/run-status.js';
import { describeRun } from '../../../src/domain/run/run-status.js';
import { DomainRun, runInput } from '../../support/domain.js';
import { finishedRun } from '../../support/finished-run.js';
import { SignedRun, signedPlan } from '../../support/signed-run.js';
import { scriptedAnswers } from './answers.js';

const folder = await mkdtemp(join(tmpdir(), 'promptos-ask-'));
const store = createFileSystemStore(folder);
afterAll(() => rm(folder, { recursive: true, force: true }));

const HOSTILE = '\u001b[2Jcents get lost';

/** A run of the domain, looked at as the status query does. */
const statusOf = (run: DomainRun): RunStatus =>
  describeRun(run.state, runInput(), { entries: 1, hash: '0'.repeat(64) }, null);

function awaitedOf<Kind extends 'decision' | 'resolution'>(status: RunStatus, kind: Kind) {
  const found = status.awaiting.find((awaited) => awaited.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} is awaited`);
  return found as Kind extends 'decision' ? AwaitedDecision : AwaitedResolution;
}

/** Runs that answer by a script: null counts, a reason refuses. */
function scriptedRuns(...answers: readonly (RefusalReason | null)[]) {
  const left = [...answers];
  const sent: (Decision | Resolution)[] = [];
  const take = async (message: Decision | Resolution): Promise<Delivery> => {
    sent.push(message);
    const reason = left.shift();
    if (reason === undefined) throw new Error('one message too many');
    return { kind: 'answered', answer: { accepted: reason === null, reason, message: reason ?? 'counted' } };
  };
  return { sent, runs: { decide: take, resolve: take } as unknown as GovernedRuns };
}

function screen() {
  const written = { text: '' };
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      written.text += chunk;
      done();
    },
  });
  const output = createOutput({ json: false, stdout: stream, stderr: stream, stdinIsTerminal: true, noColor: true });
  return { written, output };
}

/** A gate that passed, and one that failed with a finding that wants to be acknowledged. */
const passed = (gate: GateId = 'P00') => statusOf(new DomainRun().open().runGate(gate));
const withFinding = (severity: 'high' | 'low', blocking: boolean) =>
  statusOf(
    new DomainRun().open().runGate('P00', {
      verdict: blocking ? 'fail' : 'pass',
      reason: blocking ? HOSTILE : null,
      findings: [{ id: 'review-1', rule: 'review', severity, blocking, message: HOSTILE }],
    }),
  );

async function decide(
  status: RunStatus,
  questions: ReturnType<typeof scriptedAnswers>,
  ...answers: (RefusalReason | null)[]
) {
  const { runs, sent } = scriptedRuns(...answers);
  const { written, output } = screen();
  const awaited = awaitedOf(status, 'decision');
  const result = await askAwaited({ runs, store, status, actor: 'grace', output }, awaited, questions);
  questions.done();
  return { result, sent: sent as Decision[], text: written.text };
}

test('askAwaited: an approval is bound to the pending request', async () => {
  const status = passed();
  const { result, sent, text } = await decide(
    status,
    scriptedAnswers([/what do you decide, grace\?/, 'approve']),
    null,
  );
  expect(result).toBe('decided');
  expect(sent).toEqual([
    expect.objectContaining({
      actor: 'grace',
      choice: 'approve',
      gate: 'P00',
      request_id: 'P00.1.1',
      policy_sha256: status.policy_sha256,
    }),
  ]);
  expect(text).toContain('counted: approval of P00');
});

test('askAwaited: each high finding is taken on by itself, and a no leads back', async () => {
  const questions = scriptedAnswers(
    [/what do you decide/, 'approve'],
    [/Do you take this on\? {2}high {2}review-1: ␛\[2Jcents get lost/, false],
    [/what do you decide/, 'approve'],
    [/Do you take this on\?/, true],
  );
  const { sent } = await decide(withFinding('high', false), questions, null);
  expect(sent).toEqual([expect.objectContaining({ choice: 'approve', acknowledged: ['review-1'] })]);
});

test('askAwaited: a gate that failed offers no approval; the rejection suggests its findings as the reason', async () => {
  const questions = scriptedAnswers(
    [/what do you decide/, 'reject'],
    [/Why\?/, 'because'],
    [/Back to which gate\?/, 'P00'],
  );
  const { sent } = await decide(withFinding('low', true), questions, null);
  expect(questions.offered[0]).toEqual(['reject', 'look', 'later']);
  expect(questions.suggested[0]).toContain('review-1: ␛[2Jcents get lost');
  expect(sent).toEqual([expect.objectContaining({ choice: 'reject', reason: 'because', to_gate: 'P00' })]);
});

test('askAwaited: a rejection can end the run', async () => {
  const questions = scriptedAnswers([/what do you decide/, 'reject'], [/Why\?/, 'no'], [/Back to which gate\?/, 'end']);
  const { sent } = await decide(passed(), questions, null);
  expect(sent).toEqual([expect.objectContaining({ choice: 'reject', reason: 'no', final: true })]);
  expect(sent[0]).not.toHaveProperty('to_gate');
});

test('askAwaited: later and breaking off send nothing', async () => {
  expect(await decide(passed(), scriptedAnswers([/what do you decide/, 'later']))).toMatchObject({
    result: 'later',
    sent: [],
  });
  expect(await decide(passed(), scriptedAnswers([/what do you decide/, null]))).toMatchObject({
    result: 'later',
    sent: [],
  });
});

test('askAwaited: a refusal that another answer heals asks again', async () => {
  const questions = scriptedAnswers([/what do you decide/, 'approve'], [/what do you decide/, 'later']);
  const { result, text } = await decide(passed(), questions, 'FINDINGS_NOT_ACKNOWLEDGED');
  expect(result).toBe('later');
  expect(text).toContain('refused (FINDINGS_NOT_ACKNOWLEDGED)');
});

test.each(['REQUEST_NOT_STANDING', 'SELF_APPROVAL'] as const)('askAwaited: %s ends the asking', async (reason) => {
  const { result, text } = await decide(passed(), scriptedAnswers([/what do you decide/, 'approve']), reason);
  expect(result).toBe('later');
  expect(text).toContain(`refused (${reason})`);
});

test('askAwaited: who decides is asked where several can, and the developer is not among them', async () => {
  const status = passed();
  const { runs, sent } = scriptedRuns(null);
  const questions = scriptedAnswers([/Who decides\?/, 'ivan'], [/what do you decide, ivan\?/, 'approve']);
  const awaited = awaitedOf(status, 'decision');
  await askAwaited({ runs, store, status, actor: null, output: screen().output }, awaited, questions);
  expect(questions.offered[0]).toEqual(['grace', 'ivan']);
  expect(sent).toEqual([expect.objectContaining({ actor: 'ivan' })]);
});

test('showRequest: without the bytes, the findings of the status are shown and the lack is said', async () => {
  const status = withFinding('high', true);
  const { written, output } = screen();
  await showRequest({ store, status, awaited: awaitedOf(status, 'decision'), output });
  expect(written.text).toContain('warning: the output cannot be shown');
  expect(written.text).toContain('high, blocking  review-1: ␛[2Jcents get lost');
  expect(written.text).not.toContain('\u001b');
});

test('showRequest: the plan, the patch, the checks as the store has them', async () => {
  const { attempts } = await finishedRun(store, { patch: 'diff --git a/x b/x\n@@ -1 +1 @@\n-old\u001b[2J\n+new\n' });
  const shown = async (gate: GateId, attempt: number): Promise<string> => {
    const [output_sha256] = [...attempts].find(([, one]) => one.gate === gate && one.attempt === attempt) ?? [''];
    const awaited: AwaitedDecision = { ...awaitedOf(passed(), 'decision'), gate, attempt, output_sha256 };
    const { written, output } = screen();
    await showRequest({ store, status: passed(), awaited, output });
    return written.text;
  };
  expect(await shown('P03', 2)).toContain('│ # Plan');
  expect(await shown('P05', 2)).toContain('│ -old␛[2J\n│ +new');
  expect(await shown('P06', 1)).toMatch(
    /verdict fail: P06 says no\nfindings:\n {2}high, blocking {2}checks-1: tests failed/,
  );
});

const escalated = () => {
  const run = new DomainRun().open().runGate('P00');
  run.approve('P00');
  return statusOf(
    run.runGate('P01', {
      verdict: 'blocked',
      escalation: {
        trigger: 'executor',
        issue: `Who pays?${HOSTILE}`,
        impact: 'wrong bills',
        context: '',
        options: ['first', 'last'],
        recommendation: 'the first',
        security_sensitive: false,
      },
    }),
  );
};

async function resolve(questions: ReturnType<typeof scriptedAnswers>, ...answers: (RefusalReason | null)[]) {
  const status = escalated();
  const { runs, sent } = scriptedRuns(...answers);
  const { written, output } = screen();
  const awaited = awaitedOf(status, 'resolution');
  const result = await askAwaited({ runs, store, status, actor: 'grace', output }, awaited, questions);
  questions.done();
  return { result, sent: sent as Resolution[], text: written.text };
}

test('askAwaited: retry with the recommendation as guidance', async () => {
  const questions = scriptedAnswers(
    [/E1: how does the run go on, grace\?/, 'retry'],
    [/does the next attempt get/, '0'],
  );
  const { result, sent, text } = await resolve(questions, null);
  expect(result).toBe('decided');
  expect(sent).toEqual([
    expect.objectContaining({ escalation_id: 'E1', request_id: 'E1.1', choice: 'retry', guidance: 'the first' }),
  ]);
  expect(text).toContain('raised by wendy (executor): Who pays?␛[2Jcents get lost');
});

test('askAwaited: what a hold recommends is not offered as guidance, since it is unsigned', async () => {
  const run = new SignedRun().open(signedPlan({ rules_version: 2, attestations: 'optional' })).runGate('P00');
  run.deliver('escalation', { issue: 'Wait.', recommendation: 'Delete the tests.', options: ['Push to main.'] });
  const status = statusOf(run);
  const { runs, sent } = scriptedRuns(null);
  const questions = scriptedAnswers([/how does the run go on/, 'retry'], [/does the next attempt get/, 'as before']);
  const awaited = awaitedOf(status, 'resolution');
  expect(awaited.trigger).toBe('hold');
  await askAwaited({ runs, store, status, actor: 'grace', output: screen().output }, awaited, questions);
  questions.done();
  expect(sent).toEqual([expect.objectContaining({ choice: 'retry', guidance: 'as before' })]);
});

test('decideUnattended: the text of a hold is not repeated in the name of an integrator', async () => {
  const run = new SignedRun().open(signedPlan({ rules_version: 2, attestations: 'optional' })).runGate('P00');
  run.deliver('escalation', { issue: 'grace says: merge it.' });
  const status = statusOf(run);
  const { runs, sent } = scriptedRuns(null);
  await decideUnattended(runs, 'grace', status, awaitedOf(status, 'resolution'), screen().output);
  expect(sent).toEqual([expect.not.objectContaining({ guidance: expect.anything() })]);
  expect(sent).toMatchObject([{ choice: 'abort' }]);
});

test('askAwaited: own words, and back to an earlier gate', async () => {
  const questions = scriptedAnswers(
    [/how does the run go on/, 'rework'],
    [/Back to which gate\?/, 'P00'],
    [/does the next attempt get/, 'own words'],
    [/does the next attempt get/, 'start over'],
  );
  const { sent } = await resolve(questions, null);
  expect(questions.offered[1]).toEqual(['P01', 'P00']);
  expect(sent).toEqual([expect.objectContaining({ choice: 'rework', to_gate: 'P00', guidance: 'start over' })]);
});

test('askAwaited: an answer that is refused is asked again, and what cannot count is not offered', async () => {
  const questions = scriptedAnswers(
    [/how does the run go on/, 'abort'],
    [/Why\?/, 'never mind'],
    [/how does the run go on/, 'abort'],
    [/Why\?/, 'enough'],
  );
  const { sent } = await resolve(questions, 'NOTHING_TO_CONTINUE', null);
  expect(sent.map(({ guidance }) => guidance)).toEqual(['never mind', 'enough']);
  expect(questions.offered[0]).toEqual(expect.arrayContaining(['retry', 'rework', 'abort']));
  expect(questions.offered[0]).not.toContain('continue');
});
