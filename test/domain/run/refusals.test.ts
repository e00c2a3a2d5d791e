import { describe, expect, test } from 'vitest';
import { canonicalSha256 } from '../../../src/contracts/json.js';
import {
  type Decision,
  type DecisionAnswer,
  REFUSAL_REASONS,
  type RefusalReason,
} from '../../../src/contracts/run/decisions.js';
import type { EscalationReport } from '../../../src/contracts/run/escalation.js';
import { ledgerEventSchema } from '../../../src/contracts/run/ledger.js';
import type { RunPlan } from '../../../src/contracts/run/run-plan.js';
import { UNDECODABLE_KEY } from '../../../src/domain/judge/read-message.js';
import type { MessageKind } from '../../../src/domain/run/commands.js';
import { MAX_OPEN_ESCALATIONS } from '../../../src/domain/run/escalations.js';
import { DomainRun, runInput, runPlan } from '../../support/domain.js';
import { DomainRunWithJournal, journalledPlan } from '../../support/journalled-run.js';
import { keyOf, SignedRun, signedPlan } from '../../support/signed-run.js';
import { makeTestKey, type TestKey } from '../../support/signing.js';

const HIGH = { id: 'review-1', rule: 'review', severity: 'high', blocking: false, message: 'm' } as const;
const REPORT: EscalationReport = {
  trigger: 'executor',
  issue: 'i',
  impact: '',
  context: '',
  options: ['o'],
  recommendation: 'r',
  security_sensitive: false,
};

/** A run in which P00 awaits a decision. */
const awaiting = (): DomainRun => new DomainRun().open().runGate('P00');
const cancellation = {
  decision_id: 'cancel',
  run_id: 'run-one',
  policy_sha256: runInput().policy_sha256,
  actor: 'grace',
  reason: 'enough',
};
const send = (run: DomainRun, kind: MessageKind, content: unknown): DecisionAnswer =>
  run.send({ type: 'message', kind, content }).answer;

interface Case {
  /** The run that the message is sent to; without it, one in which P00 awaits a decision. */
  readonly given?: () => DomainRun;
  readonly act: (run: DomainRun) => DecisionAnswer;
}

const signed = (keys: RunPlan['keys'] = {}): SignedRun =>
  new SignedRun().open(signedPlan({ keys: { ...signedPlan().keys, ...keys } })).runSigned('P00');

/** A signed approval of P00 with one thing wrong; `payload` puts another comment under the signature. */
function spoiled(run: DomainRun, overrides: Partial<Decision>, signer: TestKey, payload?: string): unknown {
  const signing = run as SignedRun;
  const envelope = signing.signedDecision('P00', overrides, signer);
  if (payload === undefined) return envelope;
  return { ...envelope, payload: signing.signedDecision('P00', { comment: payload }, signer).payload };
}

/** One way to earn each refusal: a message that would count but for the one thing named. */
const CASES: Readonly<Record<RefusalReason, Case>> = {
  TOO_LARGE: { act: (run) => run.approve('P00', { comment: 'x'.repeat(65_536) }) },
  UNDECODABLE: { act: (run) => send(run, 'approve', { [UNDECODABLE_KEY]: 'Unknown encoding' }) },
  MALFORMED: { act: (run) => run.approve('P00', { attempt: 1.5 }) },
  ACTOR_MISSING: { act: (run) => send(run, 'approve', undefined) },
  ACTOR_UNKNOWN: { act: (run) => run.approve('P00', { actor: 'stranger' }) },
  NOT_AN_INTEGRATOR: { act: (run) => run.approve('P00', { actor: 'wendy' }) },
  MAY_NOT_CANCEL: { act: (run) => send(run, 'cancellation', { ...cancellation, actor: 'wendy' }) },
  SELF_APPROVAL: { act: (run) => run.approve('P00', { actor: 'ada' }) },
  SIGNATURE_MISSING: {
    given: () => new SignedRun().open(signedPlan()).runSigned('P00'),
    act: (run) => run.approve('P00'),
  },
  SIGNATURE_INVALID: {
    given: () => signed(),
    act: (run) => send(run, 'approve', spoiled(run, {}, keyOf('grace'), 'other')),
  },
  KEY_UNKNOWN: { given: () => signed(), act: (run) => send(run, 'approve', spoiled(run, {}, makeTestKey())) },
  KEY_NOT_VALID: {
    given: () => signed({ grace: [{ ...keyOf('grace').pinned, revoked_at: '2020-01-01T00:00:00Z' }] }),
    act: (run) => send(run, 'approve', spoiled(run, {}, keyOf('grace'))),
  },
  SIGNER_MISMATCH: { given: () => signed(), act: (run) => send(run, 'approve', spoiled(run, {}, keyOf('ivan'))) },
  RUN_MISMATCH: { act: (run) => run.approve('P00', { run_id: 'run-two' }) },
  POLICY_MISMATCH: { act: (run) => run.approve('P00', { policy_sha256: '0'.repeat(64) }) },
  REQUEST_NOT_STANDING: { act: (run) => run.approve('P00', { request_id: 'P00.1.2' }) },
  OUTPUT_MISMATCH: { act: (run) => run.approve('P00', { output_sha256: '0'.repeat(64) }) },
  DECISION_TIME_INVALID: {
    given: () => signed(),
    act: (run) => send(run, 'approve', spoiled(run, { decided_at: '2020-01-01T00:00:00.000Z' }, keyOf('grace'))),
  },
  DECISION_EXPIRED: {
    given: () => signed(),
    act: (run) => send(run, 'approve', spoiled(run, { expires_at: '2020-01-01T00:00:00.000Z' }, keyOf('grace'))),
  },
  DECISION_ALREADY_COUNTED: {
    act: (run) => {
      run.approve('P00', { decision_id: 'same' });
      return run.runGate('P01').approve('P01', { decision_id: 'same' });
    },
  },
  ACTOR_ALREADY_DECIDED: {
    given: () => new DomainRun().open(runPlan({ approvals: { ...runPlan().approvals, P00: 2 } })).runGate('P00'),
    act: (run) => {
      run.approve('P00', { decision_id: 'first' });
      return run.approve('P00', { decision_id: 'second' });
    },
  },
  GATE_FAILED: {
    given: () => new DomainRun().open().runGate('P00', { verdict: 'fail', reason: 'no' }),
    act: (run) => run.approve('P00'),
  },
  FINDINGS_NOT_ACKNOWLEDGED: {
    given: () => new DomainRun().open().runGate('P00', { findings: [HIGH] }),
    act: (run) => run.approve('P00'),
  },
  REASON_MISSING: { act: (run) => run.approve('P00', { choice: 'reject', reason: '  ' }) },
  TARGET_INVALID: { act: (run) => run.reject('P00', { to_gate: 'P05' }) },
  NOTHING_TO_CONTINUE: {
    given: () => new DomainRun().open().runGate('P00', { verdict: 'blocked', escalation: REPORT }),
    act: (run) => run.resolve('E1', 'continue'),
  },
  WAIVER_INVALID: {
    given: () => {
      const run = awaiting();
      send(run, 'escalation', undefined);
      return run;
    },
    act: (run) => run.resolve('E1', 'continue', { waive: ['0123456789abcdef'], guidance: 'a test value' }),
  },
  WAIVER_EXPIRY_INVALID: {
    given: () => new DomainRun().open().runGate('P00', { verdict: 'blocked', escalation: REPORT }),
    act: (run) => run.resolve('E1', 'retry', { waiver_expires_at: '2026-02-01T00:00:00.000Z' }),
  },
  WAIVER_EXPIRED: {
    given: () => {
      const blocking = { id: 'scope-1', rule: 'scope', severity: 'high', blocking: true, message: 'm' } as const;
      const run = new DomainRun().open().runGate('P00', {
        verdict: 'fail',
        findings: [blocking],
        escalation: { ...REPORT, trigger: 'rule_violation' },
      });
      const end = { guidance: 'for a day', waiver_expires_at: '2026-01-02T00:00:00.000Z' };
      expect(run.resolve('E1', 'continue', end).accepted).toBe(true);
      run.now = Date.parse('2026-01-02T00:00:00.000Z');
      return run;
    },
    act: (run) => run.approve('P00', { acknowledged: ['scope-1'] }),
  },
  TOO_MANY_ESCALATIONS: {
    act: (run) => {
      for (let raised = 0; raised < MAX_OPEN_ESCALATIONS; raised++) {
        expect(send(run, 'escalation', undefined).accepted).toBe(true);
      }
      return send(run, 'escalation', undefined);
    },
  },
  RUN_CLOSED: {
    act: (run) => {
      run.send({ type: 'cancel' });
      return run.approve('P00');
    },
  },
};

describe('decide: one case for each refusal reason', () => {
  test('the table is complete', () => {
    expect(Object.keys(CASES).sort()).toEqual([...REFUSAL_REASONS].sort());
  });

  test('the message that the cases spoil counts', () => {
    const run = awaiting();
    expect(run.approve('P00')).toEqual({ accepted: true, reason: null, message: 'counted' });
    expect(run.types().slice(-2)).toEqual(['decisionCounted', 'gatePassed']);
  });

  test.each(REFUSAL_REASONS)('%s', (reason) => {
    const { given = awaiting, act } = CASES[reason];
    const run = given();
    const answer = act(run);
    expect(answer).toMatchObject({ accepted: false, reason });
    expect(answer.message.length).toBeGreaterThan(10);
    const { at: _, ...last } = run.events.at(-1) ?? { at: '' };
    expect(last).toMatchObject(reason === 'RUN_CLOSED' ? { type: 'runClosed' } : { type: 'refused', reason });
    expect(ledgerEventSchema.safeParse(last).success).toBe(true);
  });
});

describe('decide: what a refusal keeps', () => {
  test('the claimed actor and id, cut and well-formed', () => {
    const run = awaiting();
    send(run, 'reject', { actor: `${'n'.repeat(127)}\u{1F600}`, decision_id: '\ud800x', junk: 1 });
    expect(run.events.at(-1)).toMatchObject({
      type: 'refused',
      kind: 'decision',
      reason: 'MALFORMED',
      claimed_actor: `${'n'.repeat(127)}\ufffd`,
      decision_id: '\ufffdx',
    });
  });

  test('of a signed message, what its payload claims and its digest, whatever the signature; of version 1 neither', () => {
    const claimed = { actor: 'grace', decision_id: 'd-9' };
    const run = new DomainRunWithJournal().open(journalledPlan()).runJournalled('P00');
    const stranger = run.signedDecision('P00', claimed, makeTestKey());
    expect(run.deliver('approve', stranger)).toMatchObject({ reason: 'KEY_UNKNOWN' });
    const recorded = { type: 'refused', claimed_actor: 'grace', decision_id: 'd-9' };
    expect(run.events.at(-1)).toMatchObject({ ...recorded, envelope_sha256: canonicalSha256(stranger) });
    const old = run.signedDecision('P00', { ...claimed, request_id: 'P00.9.9' });
    expect(run.deliver('approve', old)).toMatchObject({ reason: 'REQUEST_NOT_STANDING' });
    expect(run.events.at(-1)).toMatchObject({ ...recorded, message_sha256: canonicalSha256(old) });
    expect(run.events.at(-1)).not.toHaveProperty('envelope_sha256');

    const before = signed();
    before.deliver('approve', before.signedDecision('P00', claimed, makeTestKey()));
    expect(before.events.at(-1)).toMatchObject({ type: 'refused', claimed_actor: null, decision_id: null });
    expect(before.events.at(-1)).not.toHaveProperty('envelope_sha256');
  });

  test.each([
    ['resolution', 'resolution'],
    ['escalation', 'escalation'],
    ['signal', 'signal'],
    ['approve', 'decision'],
    ['decision', 'decision'],
  ] as const)('a malformed %s is a refused %s', (kind, recorded) => {
    const run = awaiting();
    expect(send(run, kind, 7).reason).toBe('MALFORMED');
    expect(run.events.at(-1)).toMatchObject({ kind: recorded, claimed_actor: null, decision_id: null });
  });

  test('a foreign message is distinguished from an unreadable one', () => {
    const run = awaiting();
    expect(send(run, 'signal', { [UNDECODABLE_KEY]: 'x' }).reason).toBe('UNDECODABLE');
    expect(send(run, 'signal', 'x'.repeat(65_537)).reason).toBe('TOO_LARGE');
    expect(send(run, 'signal', undefined).reason).toBe('MALFORMED');
    expect(send(run, 'signal', {}).reason).toBe('MALFORMED');
  });
});

describe('decide: a flood of refusals', () => {
  test('a hundred are recorded in full, later ones are counted by reason and come back in the closing entry', () => {
    const run = awaiting();
    for (let sent = 0; sent < 103; sent++) send(run, 'approve', undefined);
    send(run, 'reject', 7);
    const refused = run.events.filter(({ type }) => type === 'refused');
    expect(refused).toHaveLength(100);
    expect(run.counted).toEqual({ ACTOR_MISSING: 3, MALFORMED: 1 });
    expect(run.approve('P00').accepted).toBe(true);
    run.runGate('P01').reject('P01', { final: true });
    expect(run.events.at(-1)).toMatchObject({
      type: 'runClosed',
      outcome: 'rejected',
      refusals_counted: { ACTOR_MISSING: 3, MALFORMED: 1 },
    });
  });

  test('the same signed message is recorded once, however often it is sent, and leaves room for others', () => {
    const run = new DomainRunWithJournal().open(journalledPlan()).runJournalled('P00');
    const approval = run.signedDecision('P00');
    expect(run.deliver('approve', approval).accepted).toBe(true);
    for (let sent = 0; sent < 600; sent++) {
      expect(run.deliver('approve', approval)).toMatchObject({ accepted: false, reason: 'REQUEST_NOT_STANDING' });
    }
    run.runJournalled('P01');
    expect(run.events.filter(({ type }) => type === 'refused')).toHaveLength(1);
    const other = run.signedDecision('P01', { request_id: 'P01.9.9' });
    expect(run.deliver('approve', other).accepted).toBe(false);
    run.journalMessage('decision', approval);
    run.journalMessage('decision', other);
    expect(run.missing()).toEqual([]);
  });

  test('a closed run refuses without an entry and without counting', () => {
    const run = awaiting();
    run.send({ type: 'cancel' });
    const entries = run.events.length;
    for (const kind of [
      'approve',
      'reject',
      'decision',
      'resolution',
      'escalation',
      'cancellation',
      'signal',
    ] as const) {
      const { events, answer } = run.send({ type: 'message', kind, content: run.decision('P00') });
      expect([events, answer.reason]).toEqual([[], 'RUN_CLOSED']);
    }
    expect([run.events.length, run.counted]).toEqual([entries, {}]);
  });

  test('a message before the run is open is refused, never saved up', () => {
    const run = new DomainRun();
    for (const kind of ['approve', 'resolution', 'escalation'] as const) {
      const content = kind === 'escalation' ? undefined : kind === 'approve' ? run.decision('P00') : resolution;
      expect(send(run, kind, content).reason).toBe('REQUEST_NOT_STANDING');
    }
    run.open(runPlan(), runInput()).runGate('P00');
    expect(run.state.gates[0]?.request?.approved_by).toEqual([]);
  });
});

const resolution = {
  decision_id: 'r-1',
  run_id: 'run-one',
  escalation_id: 'E1',
  request_id: 'E1.1',
  policy_sha256: 'b'.repeat(64),
  actor: 'grace',
  choice: 'retry',
};
