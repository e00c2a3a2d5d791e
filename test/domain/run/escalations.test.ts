import { describe, expect, test } from 'vitest';
import { ESCALATION_TRIGGERS, GATE_IDS, type GateId } from '../../../src/contracts/names.js';
import type { EscalationReport } from '../../../src/contracts/run/escalation.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import { MAX_ESCALATIONS } from '../../../src/domain/run/escalations.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { DomainRun, gateResult, runPlan } from '../../support/domain.js';

const report = (trigger: EscalationReport['trigger']): EscalationReport => ({
  trigger,
  issue: 'i',
  impact: '',
  context: '',
  options: ['o'],
  recommendation: 'r',
  security_sensitive: false,
});

/** Everything before the given gate has passed. */
function before(last: GateId, plan = runPlan()): DomainRun {
  const run = new DomainRun().open(plan);
  for (const gate of GATE_IDS.slice(0, GATE_IDS.indexOf(last))) run.runGate(gate).approve(gate);
  return run;
}
const escalate = (run: DomainRun, content?: object) =>
  run.send({ type: 'message', kind: 'escalation', content }).answer;

const blocking = (rule: string, number = 1): Finding => ({
  id: `${rule}-${number}`,
  rule,
  severity: 'medium',
  blocking: true,
  message: 'm',
});

describe('decide: an open escalation holds the run', () => {
  test('nothing starts, and a running gate finishes without a request', () => {
    const run = before('P03');
    run.send({ type: 'startGate', gate: 'P03', attempt: 1 });
    escalate(run);
    run.send({ type: 'finishGate', gate: 'P03', attempt: 1, result: gateResult() });
    expect(run.types().slice(-2)).toEqual(['escalationOpened', 'gateFinished']);
    expect(nextStep(run.state)).toMatchObject({ kind: 'awaitResolution' });
    expect(run.send({ type: 'startGate', gate: 'P03', attempt: 2 }).events).toEqual([]);
  });

  test('decisions count, but nothing moves until it closes', () => {
    const run = before('P03').runGate('P03');
    escalate(run);
    expect(run.approve('P03').accepted).toBe(true);
    expect(run.events.at(-1)?.type).toBe('decisionCounted');
    run.resolve('E1', 'continue');
    expect(run.types().slice(-2)).toEqual(['escalationResolved', 'gatePassed']);
  });

  test('the last gate does not end the run as approved while one is open', () => {
    const run = before('P07').runGate('P07');
    escalate(run);
    run.approve('P07');
    expect(run.state.phase).toBe('open');
    run.resolve('E1', 'continue');
    expect(run.state.outcome).toBe('approved');
  });

  test('a rejection waits, and goes together with what the resolution wants', () => {
    const run = before('P06').runGate('P06');
    escalate(run);
    run.reject('P06', { reason: 'fails' });
    expect(run.types().at(-1)).toBe('decisionCounted');
    run.resolve('E1', 'rework', { to_gate: 'P03', guidance: 'plan again' });
    expect(nextStep(run.state)).toMatchObject({
      kind: 'executeGate',
      gate: 'P03',
      feedback: [
        { kind: 'rejection', text: 'fails' },
        { kind: 'guidance', text: 'plan again', by: 'grace' },
      ],
    });
  });

  test('abort ends the run at once, whatever else is open', () => {
    const run = before('P03');
    run.send({ type: 'startGate', gate: 'P03', attempt: 1 });
    escalate(run);
    escalate(run);
    run.resolve('E2', 'abort');
    expect(run.state).toMatchObject({
      phase: 'closed',
      outcome: 'aborted',
      outcome_reason: expect.stringMatching(/^E2: /),
    });
  });
});

describe('decide: several open escalations', () => {
  test.each([
    [['P05', 'P01', 'P03'], 'P01'],
    [['P03', 'P05', 'P05'], 'P03'],
    [['P05', 'P05', 'P00'], 'P00'],
  ] as const)('reworks to %j: the earliest target wins, when the last one closes', (targets, winner) => {
    const run = before('P06').runGate('P06');
    for (const _ of targets) escalate(run);
    for (const [index, to_gate] of targets.entries()) {
      expect(nextStep(run.state)).toMatchObject({ kind: 'awaitResolution' });
      expect(run.resolve(`E${index + 1}`, 'rework', { to_gate, guidance: `to ${to_gate}` }).accepted).toBe(true);
    }
    expect(run.events.at(-1)).toMatchObject({ type: 'gateSentBack', to_gate: winner, feedback: { length: 3 } });
  });

  test('each is resolved by its own request, once', () => {
    const run = before('P03');
    escalate(run);
    escalate(run);
    expect(run.resolve('E1', 'continue', { request_id: 'E2.1' }).reason).toBe('REQUEST_NOT_STANDING');
    expect(run.resolve('E1', 'continue').accepted).toBe(true);
    expect(run.resolve('E1', 'continue').reason).toBe('REQUEST_NOT_STANDING');
    expect(run.state.escalations.map(({ escalation_id }) => escalation_id)).toEqual(['E2']);
  });

  test('a whole run has a bound of them too', () => {
    const run = before('P03');
    for (let number = 1; number <= MAX_ESCALATIONS; number++) {
      expect(escalate(run).accepted).toBe(true);
      run.resolve(`E${number}`, 'continue');
    }
    expect(escalate(run).reason).toBe('TOO_MANY_ESCALATIONS');
  });
});

describe('decide: who raises one', () => {
  test("an executor's own words are raised by its principal, everything else by the engine", () => {
    for (const trigger of ESCALATION_TRIGGERS) {
      const run = before('P03').runGate('P03', { verdict: 'blocked', escalation: report(trigger) });
      expect(run.state.escalations[0]?.raised_by).toBe(trigger === 'executor' ? 'wendy' : 'engine');
    }
  });

  test("a person's, with whatever was said, or nothing at all", () => {
    const run = before('P03');
    escalate(run, { actor: 'mallory', issue: 'look here', security_sensitive: true });
    escalate(run);
    expect(run.state.escalations).toMatchObject([
      { raised_by: 'mallory', report: { issue: 'look here' }, gate: 'P03' },
      { raised_by: 'unknown', report: { issue: 'The run was stopped without a stated reason.' } },
    ]);
  });

  test("a person's, made for another run, is refused", () => {
    expect(escalate(before('P03'), { run_id: 'run-two' }).reason).toBe('RUN_MISMATCH');
  });

  test.each([
    ['POLICY_NOT_TRUSTED', 'trust', true],
    ['DUTIES_CLASH', 'trust', true],
    ['PACK_NOT_TRUSTED', 'trust', true],
    ['EXECUTOR_NOT_CONFIGURED', 'infrastructure', false],
  ] as const)('a gate interrupted by %s raises one of %s', (code, trigger, security) => {
    const run = before('P03');
    run.send({ type: 'startGate', gate: 'P03', attempt: 1 });
    run.send({ type: 'interruptGate', gate: 'P03', attempt: 1, code, message: `${'x'.repeat(1_999)}\u{1F600}` });
    expect(run.events.at(-1)).toMatchObject({
      type: 'escalationOpened',
      report: { trigger, security_sensitive: security, context: `${'x'.repeat(1_999)}\ufffd` },
    });
    expect(run.events.at(-2)).toMatchObject({ type: 'gateInterrupted', message: `${'x'.repeat(1_999)}\ufffd` });
    expect(run.resolve('E1', 'continue').reason).toBe('NOTHING_TO_CONTINUE');
    expect(run.resolve('E1', 'retry').accepted).toBe(true);
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: 'P03', attempt: 2 });
  });
});

describe('decide: continue and its waiver', () => {
  const failed = (...findings: Finding[]) =>
    before('P05', runPlan({ waivable: ['scope', 'secrets', 'paths'] })).runGate('P05', {
      verdict: 'fail',
      findings,
      escalation: report('rule_violation'),
    });

  test('waives what the policy calls waivable, and puts the gate up again under a new request', () => {
    const run = failed(blocking('scope'), blocking('scope', 2));
    expect(run.resolve('E1', 'continue').accepted).toBe(true);
    expect(run.events.slice(-2)).toMatchObject([
      { type: 'escalationResolved', waived: ['scope-1', 'scope-2'] },
      { type: 'decisionRequested', request_id: 'P05.1.1' },
    ]);
    expect(run.approve('P05').accepted).toBe(true);
  });

  test('a pending request is reopened as P05.1.2, and the old one is closed', () => {
    const run = before('P05').runGate('P05', { verdict: 'fail', findings: [blocking('scope')] });
    const old = run.decision('P05');
    expect(old.request_id).toBe('P05.1.1');
    expect(run.approve('P05').reason).toBe('GATE_FAILED');
    escalate(run);
    run.resolve('E1', 'continue');
    expect(run.events.at(-1)).toMatchObject({ type: 'decisionRequested', request_id: 'P05.1.2' });
    expect(run.send({ type: 'message', kind: 'decision', content: old }).answer.reason).toBe('REQUEST_NOT_STANDING');
    expect(run.approve('P05').accepted).toBe(true);
    expect(run.events.at(-1)).toMatchObject({ type: 'gatePassed', gate: 'P05' });
  });

  test.each(['secrets', 'paths', 'review'])('never waives %s', (rule) => {
    const run = failed(blocking('scope'), blocking(rule));
    run.resolve('E1', 'continue');
    expect(run.events.at(-2)).toMatchObject({ type: 'escalationResolved', waived: ['scope-1'] });
    expect(run.approve('P05').reason).toBe('GATE_FAILED');
  });

  test('a failure with findings that were left out cannot be waived away', () => {
    const run = before('P05').runGate('P05', {
      verdict: 'fail',
      findings: [blocking('scope')],
      findings_omitted: 1,
      blocking_omitted: 1,
    });
    escalate(run);
    run.resolve('E1', 'continue');
    expect(run.approve('P05').reason).toBe('GATE_FAILED');
  });

  test('a waiver ends with its attempt', () => {
    const run = failed(blocking('scope'));
    run.resolve('E1', 'continue');
    run.reject('P05');
    run.runGate('P05', { verdict: 'fail', findings: [blocking('scope')] });
    expect(run.approve('P05').reason).toBe('GATE_FAILED');
  });

  test('guidance given with continue reaches the next attempt', () => {
    const run = before('P03');
    escalate(run);
    run.resolve('E1', 'continue', { guidance: 'mind the cents' });
    expect(nextStep(run.state)).toMatchObject({
      gate: 'P03',
      feedback: [{ kind: 'guidance', text: 'mind the cents' }],
    });
  });
});

describe('decide: resolutions that do not fit', () => {
  test.each([
    ['rework without a gate', 'rework', {}],
    ['rework to a later gate', 'rework', { to_gate: 'P05' }],
    ['retry with a gate', 'retry', { to_gate: 'P01' }],
    ['abort with a gate', 'abort', { to_gate: 'P01' }],
  ] as const)('%s', (_, choice, parts) => {
    const run = before('P03');
    escalate(run);
    expect(run.resolve('E1', choice, parts).reason).toBe('TARGET_INVALID');
    expect(run.state.escalations).toHaveLength(1);
  });
});
