import { expect, test } from 'vitest';
import { runRecordSchema } from '../../../src/contracts/record/run-record.js';
import type { EscalationReport } from '../../../src/contracts/run/escalation.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import type { RunPlan } from '../../../src/contracts/run/run-plan.js';
import { closedLedger } from '../../../src/domain/ledger/closed-ledger.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { prBlock } from '../../../src/domain/record/pr-block.js';
import { buildPromptSession, sessionOfRun } from '../../../src/domain/record/prompt-session.js';
import { buildRunRecord, recordedWaivers, restingWaivers } from '../../../src/domain/record/run-record.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { DomainRun, runPlan } from '../../support/domain.js';
import { type FinishedRunOptions, finishedRun } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';
import { SignedRun, signedPlan } from '../../support/signed-run.js';

const DAY = 86_400_000;
const START = Date.parse('2026-01-01T00:00:00.000Z');
const after = (milliseconds: number): string => new Date(START + milliseconds).toISOString();
const REPORT: EscalationReport = {
  ...{ trigger: 'rule_violation', issue: 'i', impact: '', context: '', options: ['o'], recommendation: 'r' },
  security_sensitive: false,
};
const finding = (id: string): Finding => ({ id, rule: 'checks', severity: 'low', blocking: true, message: 'm' });

/** A run whose P00 failed with one or two findings that the policy calls waivable, and escalated. */
const failed = (overrides: Partial<RunPlan> = {}, findings = [finding('checks-1')]): DomainRun =>
  new DomainRun()
    .open(runPlan({ rules_version: 2, waivable: ['checks'], ...overrides }))
    .runGate('P00', { verdict: 'fail', findings, escalation: REPORT });
const until = (end: string) => ({ guidance: 'repaired elsewhere', waiver_expires_at: end });
const ledgerOf = (run: DomainRun) => {
  const entries: ReturnType<typeof appendEntry>[] = [];
  for (const { at, ...event } of run.events)
    entries.push(appendEntry(entries.length === 0 ? EMPTY_LEDGER : headOf(entries), at, event));
  return entries;
};

const repositoryChanged: Finding = {
  ...finding('repository_changed-1'),
  rule: 'repository_changed',
};

test('waiver: a changed repository is waived whatever the policy says, with a reason', () => {
  const run = failed({ waivable: [] }, [repositoryChanged]);
  expect(run.resolve('E1', 'continue')).toMatchObject({ accepted: false, reason: 'REASON_MISSING' });
  expect(run.resolve('E1', 'continue', { guidance: 'I installed the hooks of the team' }).accepted).toBe(true);
  expect(run.approve('P00').accepted).toBe(true);
});

test('waiver: a changed repository is not waived in a run of the first rules unless its policy says so', () => {
  const run = failed({ waivable: [], rules_version: 1 }, [repositoryChanged]);
  run.resolve('E1', 'continue', { guidance: 'it was me' });
  expect(run.approve('P00')).toMatchObject({ accepted: false });
});

test('waiver: the gate can be approved until it expires, and not from then on', () => {
  const early = failed();
  expect(early.resolve('E1', 'continue', until(after(DAY))).accepted).toBe(true);
  early.now = START + DAY - 1;
  expect(early.approve('P00').accepted).toBe(true);

  const late = failed();
  late.resolve('E1', 'continue', until(after(DAY)));
  late.now = START + DAY;
  expect(late.approve('P00')).toMatchObject({ accepted: false, reason: 'WAIVER_EXPIRED' });
  expect(late.reject('P00').accepted).toBe(true);
});

test('waiver: one that has expired is renewed by another escalation, and only then', () => {
  const run = failed();
  run.resolve('E1', 'continue', until(after(DAY)));
  run.now = START + DAY;
  run.send({ type: 'message', kind: 'escalation', content: { actor: 'ada', issue: 'It has expired.' } });
  expect(run.resolve('E2', 'continue', until(after(3 * DAY))).accepted).toBe(true);
  expect(run.approve('P00').accepted).toBe(true);
  const waivers = recordedWaivers(ledgerOf(run));
  expect(waivers.map(({ expires_at, standing }) => [expires_at, standing])).toEqual([
    [after(DAY), 'passed'],
    [after(3 * DAY), 'passed'],
  ]);
  expect(restingWaivers(waivers).map(({ escalation_id }) => escalation_id)).toEqual(['E2']);
});

test('waiver: one that is renewed without an end does not keep the end of before', () => {
  const run = failed();
  run.resolve('E1', 'continue', until(after(DAY)));
  run.now = START + DAY;
  run.send({ type: 'message', kind: 'escalation', content: { actor: 'ada', issue: 'It has expired.' } });
  expect(run.resolve('E2', 'continue', { guidance: 'for good' }).accepted).toBe(true);
  run.now = START + 9 * DAY;
  expect(run.approve('P00').accepted).toBe(true);
});

/** A run under a signing policy whose P00 failed with one waivable finding. */
const signedFailure = (approvals: number): SignedRun => {
  const rules = { rules_version: 2, waivable: ['checks'], attestations: 'optional' as const };
  const run = new SignedRun().open(signedPlan({ ...rules, approvals: { ...runPlan().approvals, P00: approvals } }));
  run.runGate('P00', { verdict: 'fail', findings: [finding('checks-1')], escalation: REPORT });
  return run;
};
const resolved = (run: SignedRun, id: string, parts = {}) =>
  run.deliver('resolution', run.signedResolution(id, { choice: 'continue', ...parts })).accepted;

test('waiver: what was approved in time passes no more when a hold is lifted after the waiver has expired', () => {
  const held = (lifted: number) => {
    const run = signedFailure(1);
    resolved(run, 'E1', until(after(DAY)));
    run.deliver('escalation', undefined);
    expect(run.deliver('approve', run.signedDecision('P00')).accepted).toBe(true);
    run.now = START + lifted;
    expect(resolved(run, 'E2')).toBe(true);
    return run;
  };
  expect(held(DAY - 1).types()).toContain('gatePassed');
  const run = held(DAY);
  expect(run.types()).not.toContain('gatePassed');
  expect(nextStep(run.state)).toMatchObject({ kind: 'awaitDecision', request: { approved_by: ['grace'] } });
  // After a new waiver, a new decision is possible.
  run.deliver('escalation', run.signedEscalation());
  expect(resolved(run, 'E3', until(after(3 * DAY)))).toBe(true);
  expect(run.types()).not.toContain('gatePassed');
  expect(run.deliver('approve', run.signedDecision('P00')).accepted).toBe(true);
  expect(run.types()).toContain('gatePassed');
});

test('waiver: a gate that needs no approval does not pass when a hold is lifted after the waiver has expired', () => {
  const held = (lifted: number) => {
    const run = signedFailure(0);
    run.deliver('escalation', undefined);
    resolved(run, 'E1', until(after(DAY)));
    run.now = START + lifted;
    expect(resolved(run, 'E2')).toBe(true);
    return run;
  };
  expect(held(DAY - 1).types()).toContain('gatePassed');
  const run = held(DAY);
  expect(run.types()).not.toContain('gatePassed');
  expect(nextStep(run.state)).toMatchObject({ kind: 'awaitDecision', gate: 'P00' });
  expect(run.deliver('approve', run.signedDecision('P00'))).toMatchObject({ reason: 'WAIVER_EXPIRED' });
});

test('waiver: an end that has passed, that does not exist, or with another choice is refused', () => {
  for (const end of [after(0), after(-1), '2026-99-99T00:00:00.000Z']) {
    expect(failed().resolve('E1', 'continue', until(end))).toMatchObject({ reason: 'WAIVER_EXPIRY_INVALID' });
  }
  expect(failed().resolve('E1', 'retry', until(after(DAY)))).toMatchObject({ reason: 'WAIVER_EXPIRY_INVALID' });
});

test("waiver: under a policy's limit it has an end, and not a later one", () => {
  const limited = () => failed({ waiver_lifetime_ms: 30 * DAY });
  expect(limited().resolve('E1', 'continue', { guidance: 'g' })).toMatchObject({
    reason: 'WAIVER_EXPIRY_INVALID',
    message: expect.stringContaining('30 days'),
  });
  expect(limited().resolve('E1', 'continue', until(after(31 * DAY)))).toMatchObject({
    reason: 'WAIVER_EXPIRY_INVALID',
  });
  expect(limited().resolve('E1', 'continue', until(after(30 * DAY))).accepted).toBe(true);
});

test('recordedWaivers: who waived what, why, until when, and whether the attempt still counts', () => {
  const run = failed({}, [finding('checks-1'), { ...finding('other-1'), rule: 'other' }]);
  run.resolve('E1', 'continue', until(after(DAY)));
  run.reject('P00');
  run.runGate('P00', {});
  expect(recordedWaivers(ledgerOf(run))).toEqual([
    {
      ...{ escalation_id: 'E1', gate: 'P00', attempt: 1, waived_at: after(0), waived_by: 'grace', signed_by: null },
      ...{ reason: 'repaired elsewhere', expires_at: after(DAY), findings: [finding('checks-1')], standing: 'voided' },
    },
  ]);
  expect(restingWaivers(recordedWaivers(ledgerOf(run)))).toEqual([]);
});

async function record(options: FinishedRunOptions) {
  const run = await finishedRun(memoryStore(), options);
  const { session } = buildPromptSession(sessionOfRun(closedLedger(run.entries), ''));
  const built = buildRunRecord({ ...run, ledger: closedLedger(run.entries), artifacts: [], session, sealedBy: null });
  return { record: built, block: prBlock({ session, record: built, recordSha256: 'a'.repeat(64) }) };
}

test('run record and PR block: name each waiver that what was approved rests on, and its end', async () => {
  const end = '2026-02-01T00:00:00.000Z';
  const { record: built, block } = await record({ waiver: { expires_at: end }, plan: { rules_version: 2 } });
  expect(runRecordSchema.parse(built)).toEqual(built);
  expect(built.waivers).toMatchObject([
    { escalation_id: 'E2', gate: 'P06', attempt: 2, waived_by: 'grace', expires_at: end, standing: 'passed' },
  ]);
  expect(block.split('\n')).toContain(
    '> - Waiver E2: P06 `checks-1`, waived by `grace` until `2026-02-01T00:00:00.000Z`: `` a known `flake` ``',
  );
  const endless = await record({ waiver: {}, plan: { rules_version: 2 } });
  expect(endless.block).toContain('waived by `grace` without an end: ');
});

test('run record and PR block: without a waiver, and in runs of version 1, there is no such field and no such line', async () => {
  for (const options of [{ plan: { rules_version: 2 } }, { waiver: {} }]) {
    const { record: built, block } = await record(options);
    expect(built).not.toHaveProperty('waivers');
    expect(block).not.toContain('Waiver');
  }
});
