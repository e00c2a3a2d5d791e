import { describe, expect, test } from 'vitest';
import { GATE_IDS, type Severity } from '../../../src/contracts/names.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { DomainRun, runInput, runPlan } from '../../support/domain.js';

const plan = runPlan();

describe('decide: quorum', () => {
  test('two approvals are two people', () => {
    const run = new DomainRun().open(runPlan({ approvals: { ...plan.approvals, P00: 2 } })).runGate('P00');
    expect(run.approve('P00').accepted).toBe(true);
    expect(run.state.gates[0]).toMatchObject({ current: { status: 'finished' }, request: { approved_by: ['grace'] } });
    expect(run.approve('P00', { decision_id: 'again' }).reason).toBe('ACTOR_ALREADY_DECIDED');
    expect(run.approve('P00', { actor: 'ivan' }).accepted).toBe(true);
    expect(run.events.at(-1)).toMatchObject({ type: 'gatePassed', gate: 'P00', approved_by: ['grace', 'ivan'] });
  });

  test('one rejection outweighs an approval, which does not come back', () => {
    const run = new DomainRun().open(runPlan({ approvals: { ...plan.approvals, P00: 2 } })).runGate('P00');
    run.approve('P00');
    run.reject('P00', { actor: 'ivan' });
    run.runGate('P00');
    expect(run.state.gates[0]?.request).toMatchObject({ request_id: 'P00.2.1', approved_by: [] });
  });

  test('a gate for which the policy requires no approval passes by its verdict alone', () => {
    const none = runPlan({ approvals: { ...plan.approvals, P00: 0 } });
    const passed = new DomainRun().open(none).runGate('P00');
    expect(passed.types().slice(-2)).toEqual(['gateFinished', 'gatePassed']);
    const failed = new DomainRun().open(none).runGate('P00', { verdict: 'fail' });
    expect(failed.types().slice(-2)).toEqual(['gateFinished', 'decisionRequested']);
  });
});

describe('decide: self-approval', () => {
  test.each(['ada', 'Ada', ' ADA '])('the developer "%s" does not decide on the own run', (developer) => {
    const run = new DomainRun().open(plan, { ...runInput(), developer }).runGate('P00');
    expect(run.approve('P00', { actor: 'ada' }).reason).toBe('SELF_APPROVAL');
    run.send({ type: 'message', kind: 'escalation', content: undefined });
    expect(run.resolve('E1', 'continue', { actor: 'ada' }).reason).toBe('SELF_APPROVAL');
  });

  test('the policy may allow it in as many words', () => {
    const run = new DomainRun().open(runPlan({ self_approval: 'allowed' })).runGate('P00');
    expect(run.approve('P00', { actor: 'ada' }).accepted).toBe(true);
  });

  test('an integrator is named exactly, whatever the case of the developer', () => {
    const run = new DomainRun().open().runGate('P00');
    expect(run.approve('P00', { actor: 'Grace' }).reason).toBe('ACTOR_UNKNOWN');
  });
});

describe('decide: findings to acknowledge', () => {
  const finding = (id: string, severity: Severity) => ({ id, rule: 'review', severity, blocking: false, message: 'm' });

  test('critical and high ones by id, each of them; others not', () => {
    const findings = [finding('r-1', 'critical'), finding('r-2', 'high'), finding('r-3', 'medium')];
    const run = new DomainRun().open().runGate('P00', { findings });
    expect(run.approve('P00', { acknowledged: ['r-1'] })).toMatchObject({
      reason: 'FINDINGS_NOT_ACKNOWLEDGED',
      message: expect.stringContaining('r-2'),
    });
    expect(run.approve('P00', { acknowledged: ['r-3', 'r-2', 'r-1'] }).accepted).toBe(true);
  });

  test('a rejection acknowledges nothing', () => {
    const run = new DomainRun().open().runGate('P00', { findings: [finding('r-1', 'critical')] });
    expect(run.reject('P00').accepted).toBe(true);
  });
});

describe('decide: the whole run', () => {
  test('six gates, six approvals, approved', () => {
    const run = new DomainRun().open();
    for (const gate of GATE_IDS) expect(run.runGate(gate).approve(gate).accepted).toBe(true);
    expect(run.state).toMatchObject({ phase: 'closed', outcome: 'approved' });
    expect(nextStep(run.state)).toEqual({ kind: 'finalise', outcome: 'approved' });
  });

  test.each([[['P01', 'P03']], [['P00']], [['P01', 'P03', 'P05', 'P06']]] as const)('a subset of %j', (gates) => {
    const run = new DomainRun().open(plan, runInput(gates));
    for (const gate of gates) {
      expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate, attempt: 1 });
      run.runGate(gate).approve(gate);
    }
    expect(run.state.outcome).toBe('approved');
  });

  test('a gate receives the valid outputs, and the principal of its role', () => {
    const run = new DomainRun().open();
    for (const gate of GATE_IDS.slice(0, 4))
      run.runGate(gate, { output_sha256: gate.slice(1).padEnd(64, '0') }).approve(gate);
    expect(nextStep(run.state)).toMatchObject({
      kind: 'executeGate',
      gate: 'P06',
      principal: 'victor',
      inputs: { P00: '00'.padEnd(64, '0'), P05: '05'.padEnd(64, '0') },
    });
  });

  test.each([
    ['another gate', 'P01', 1],
    ['another attempt', 'P00', 2],
  ] as const)('a start of %s than is next changes nothing', (_, gate, attempt) => {
    const run = new DomainRun().open();
    expect(run.send({ type: 'startGate', gate, attempt }).events).toEqual([]);
    expect(run.send({ type: 'finishGate', gate, attempt, result: {} as never }).events).toEqual([]);
  });
});
