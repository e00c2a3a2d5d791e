import { describe, expect, test } from 'vitest';
import { canonicalSha256 } from '../../../src/contracts/json.js';
import { GATE_IDS, type GateId } from '../../../src/contracts/names.js';
import type { RunPlan } from '../../../src/contracts/run/run-plan.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { carriedState, type GateState } from '../../../src/domain/run/run-state.js';
import { awaited } from '../../../src/domain/run/run-status.js';
import { DomainRun, runInput, runPlan } from '../../support/domain.js';

/** A run whose gates before the given one passed, and in which the given one awaits a decision. */
function awaitingAt(last: GateId, plan = runPlan(), gates: readonly GateId[] = GATE_IDS): DomainRun {
  const run = new DomainRun().open(plan, runInput(gates));
  for (const gate of gates) {
    run.runGate(gate);
    if (gate === last) break;
    run.approve(gate);
  }
  return run;
}

const lastSentBack = (run: DomainRun) => run.events.filter(({ type }) => type === 'gateSentBack').at(-1);

describe('decide: where a rejection goes', () => {
  test.each([
    ['P00', 'P00'],
    ['P01', 'P01'],
    ['P03', 'P03'],
    ['P05', 'P05'],
    ['P06', 'P05'],
    ['P07', 'P05'],
  ] as const)('%s goes back to %s when no gate is named', (gate, target) => {
    const run = awaitingAt(gate);
    expect(run.reject(gate).accepted).toBe(true);
    expect(lastSentBack(run)).toMatchObject({ to_gate: target });
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: target, attempt: 2 });
  });

  test.each(GATE_IDS)('P07 can be sent back to %s', (target) => {
    const run = awaitingAt('P07');
    expect(run.reject('P07', { to_gate: target }).accepted).toBe(true);
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: target });
  });

  test('never forward, never to a gate that the run leaves out', () => {
    expect(awaitingAt('P03').reject('P03', { to_gate: 'P05' }).reason).toBe('TARGET_INVALID');
    const subset = awaitingAt('P03', runPlan(), ['P01', 'P03']);
    expect(subset.reject('P03', { to_gate: 'P00' }).reason).toBe('TARGET_INVALID');
  });

  test('the reason becomes the input of the next attempt, with who said so and where', () => {
    const run = awaitingAt('P06');
    run.reject('P06', { reason: 'the test fails' });
    expect(nextStep(run.state)).toMatchObject({
      gate: 'P05',
      feedback: [{ kind: 'rejection', from_gate: 'P06', by: 'grace', text: 'the test fails' }],
    });
  });

  test('an attempt that runs keeps what it was given, whatever is said meanwhile', () => {
    const run = awaitingAt('P03');
    run.reject('P03', { reason: 'name the tests' });
    const { kind, ...given } = nextStep(run.state);
    expect(kind).toBe('executeGate');
    run.send({ type: 'startGate', gate: 'P03', attempt: 2 });
    expect(nextStep(run.state)).toEqual({ kind: 'awaitGate', ...given });
    run.send({ type: 'message', kind: 'escalation', content: { actor: 'ada', issue: 'What of the docs?' } });
    expect(run.resolve('E1', 'continue', { guidance: 'and the docs' }).accepted).toBe(true);
    expect(run.state.gates[2]?.feedback).toHaveLength(2);
    expect(nextStep(run.state)).toEqual({ kind: 'awaitGate', ...given });
  });

  test('a state that is carried over pins that by its digest alone', () => {
    const run = awaitingAt('P03');
    run.reject('P03', { reason: 'name the tests' });
    run.send({ type: 'startGate', gate: 'P03', attempt: 2 });
    const { current, feedback } = carriedState(run.state).gates[2] as GateState;
    expect(current).not.toHaveProperty('feedback');
    expect(current).toMatchObject({ attempt: 2, feedback_sha256: canonicalSha256(feedback) });
    // The state that executions of before handed over, and that its own fold still leads to.
    expect(carriedState(carriedState(run.state))).toEqual(carriedState(run.state));
  });

  test('final ends the run as rejected, with the reason', () => {
    const run = awaitingAt('P03');
    run.reject('P03', { final: true, reason: 'not wanted' });
    expect(run.state).toMatchObject({ phase: 'closed', outcome: 'rejected', outcome_reason: 'not wanted' });
  });
});

describe('decide: a gate that gave no usable answer', () => {
  const blocked = { verdict: 'blocked', reason: 'No usable answer in 3 tries.' } as const;
  const finding = { id: 'checks-1', rule: 'checks', severity: 'high', message: 'tests fail', blocking: true } as const;

  const planOf2 = (overrides: Partial<RunPlan> = {}) => runPlan({ rules_version: 2, ...overrides });

  /** P07 is due, everything before it passed. */
  function dueAtReview(plan = planOf2()): DomainRun {
    const run = awaitingAt('P06', plan);
    run.approve('P06');
    return run;
  }

  test.each(['P06', 'P07'] as const)('%s is done again when no gate is named, and the status says so', (gate) => {
    const run = gate === 'P07' ? dueAtReview() : awaitingAt('P05', planOf2());
    if (gate === 'P06') run.approve('P05');
    run.runGate(gate, blocked);
    expect(awaited(run.state)).toMatchObject([{ gate, approvable: false, rejects_to: gate }]);
    run.reject(gate);
    expect(lastSentBack(run)).toMatchObject({ to_gate: gate });
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate, attempt: 2 });
  });

  test('goes back to the builder when it has a blocking finding all the same', () => {
    const run = dueAtReview();
    run.runGate('P07', { ...blocked, findings: [finding] });
    expect(awaited(run.state)).toMatchObject([{ rejects_to: 'P05' }]);
    run.reject('P07');
    expect(lastSentBack(run)).toMatchObject({ to_gate: 'P05' });
  });

  test('goes back to the builder under the rules of version 1', () => {
    const run = dueAtReview(runPlan({ rules_version: 1 }));
    run.runGate('P07', blocked);
    run.reject('P07');
    expect(lastSentBack(run)).toMatchObject({ to_gate: 'P05' });
    expect(run.state).toMatchObject({ rounds: 1 });
  });

  test('uses up no round of rework, and is bounded as rounds are', () => {
    const run = dueAtReview(planOf2({ rework_rounds: 1 }));
    run.runGate('P07', blocked);
    run.reject('P07');
    expect(run.state).toMatchObject({ rounds: 0, retries: 1 });
    run.runGate('P07');
    run.reject('P07');
    expect(lastSentBack(run)).toMatchObject({ to_gate: 'P05' });
    expect(run.state).toMatchObject({ rounds: 1, escalations: [] });
  });

  test('a second retry under a policy that allows one opens a P08', () => {
    const run = dueAtReview(planOf2({ rework_rounds: 1 }));
    run.runGate('P07', blocked);
    run.reject('P07');
    run.runGate('P07', blocked);
    run.reject('P07');
    expect(run.events.at(-1)).toMatchObject({ type: 'escalationOpened', report: { trigger: 'rework_bound' } });
  });

  test('a retry after an infrastructure failure uses up no round of rework', () => {
    const run = dueAtReview();
    run.send({ type: 'startGate', gate: 'P07', attempt: 1 });
    run.send({ type: 'interruptGate', gate: 'P07', attempt: 1, code: 'STORE_FULL', message: 'no space' });
    expect(run.resolve('E1', 'retry').accepted).toBe(true);
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: 'P07', attempt: 2 });
    expect(run.state.rounds).toBe(0);
    expect(run.state.retries).toBeUndefined();
  });
});

describe('decide: going back voids everything downstream', () => {
  test('outputs, findings and decisions of later gates no longer count, and the ledger says so', () => {
    const run = awaitingAt('P07');
    run.reject('P07', { to_gate: 'P03' });
    expect(lastSentBack(run)).toMatchObject({
      to_gate: 'P03',
      voided: [
        { gate: 'P03', attempt: 1 },
        { gate: 'P05', attempt: 1 },
        { gate: 'P06', attempt: 1 },
        { gate: 'P07', attempt: 1 },
      ],
    });
    const [, , ...later] = run.state.gates;
    for (const gate of later) expect(gate).toMatchObject({ current: null, request: null });
    expect(nextStep(run.state)).toMatchObject({ gate: 'P03', attempt: 2, inputs: { P00: expect.any(String) } });
    expect(nextStep(run.state)).not.toHaveProperty('inputs.P05');
  });

  test('a gate that had passed is decided again, in a new attempt', () => {
    const run = awaitingAt('P06');
    const old = run.decision('P05', { request_id: 'P05.1.1', decision_id: 'old' });
    run.reject('P06');
    run.runGate('P05');
    expect(run.send({ type: 'message', kind: 'decision', content: old }).answer.reason).toBe('REQUEST_NOT_STANDING');
    expect(run.approve('P05').accepted).toBe(true);
    expect(run.events.at(-1)).toMatchObject({ type: 'gatePassed', gate: 'P05', attempt: 2 });
  });

  test('what was learned about an output that is void stays with its target only, the newest five', () => {
    const run = awaitingAt('P05', runPlan({ rework_rounds: 20 }));
    for (let round = 1; round <= 7; round++) {
      run.reject('P05', { reason: `round ${round}` });
      run.runGate('P05');
    }
    const texts = () => run.state.gates.find(({ gate }) => gate === 'P05')?.feedback.map(({ text }) => text);
    expect(texts()).toEqual(['round 3', 'round 4', 'round 5', 'round 6', 'round 7']);
    run.reject('P05', { to_gate: 'P03', reason: 'the plan is wrong' });
    expect(texts()).toEqual([]);
  });
});

describe('decide: the bound on rework rounds', () => {
  /** P03 is rejected for the second time, under a policy that allows one round. */
  const bound = (): DomainRun => {
    const run = awaitingAt('P03', runPlan({ rework_rounds: 1 }));
    run.reject('P03');
    run.runGate('P03');
    expect(run.reject('P03', { reason: `again ${'\u{1F600}'.repeat(499)}x\u{1F600}` }).accepted).toBe(true);
    return run;
  };

  test('opens a P08 and holds the run', () => {
    const run = bound();
    expect(run.events.at(-1)).toMatchObject({
      type: 'escalationOpened',
      escalation_id: 'E1',
      request_id: 'E1.1',
      gate: 'P03',
      raised_by: 'engine',
      report: { trigger: 'rework_bound' },
    });
    expect(nextStep(run.state)).toMatchObject({ kind: 'awaitResolution' });
  });

  test('a reason that is cut inside a character leaves nothing that has no canonical JSON', () => {
    const report = bound().events.at(-1);
    expect(report?.type === 'escalationOpened' && report.report.context.isWellFormed()).toBe(true);
  });

  test.each([
    ['continue', {}, 'P03', ['not yet', 'again']],
    ['retry', { guidance: 'smaller' }, 'P03', ['not yet', 'again', 'smaller']],
    ['rework', { to_gate: 'P01' }, 'P01', ['again']],
  ] as const)('%s grants one more round', (choice, parts, gate, texts) => {
    const run = bound();
    expect(run.resolve('E1', choice, parts).accepted).toBe(true);
    const step = nextStep(run.state);
    expect(step).toMatchObject({ kind: 'executeGate', gate });
    expect(step.kind === 'executeGate' && step.feedback.map(({ text }) => text.split(' ')[0])).toEqual(
      texts.map((text) => text.split(' ')[0]),
    );
    run.runGate(gate);
    run.reject(gate);
    expect(run.events.at(-1)).toMatchObject({ type: 'escalationOpened', escalation_id: 'E2' });
  });

  test('abort ends the run as aborted, with the guidance as its reason', () => {
    const run = bound();
    run.resolve('E1', 'abort', { guidance: 'leave it' });
    expect(run.state).toMatchObject({ phase: 'closed', outcome: 'aborted', outcome_reason: 'leave it' });
  });

  test('a bound of none escalates the first rejection', () => {
    const run = awaitingAt('P00', runPlan({ rework_rounds: 0 }));
    run.reject('P00');
    expect(run.state.escalations).toMatchObject([{ trigger: 'rework_bound' }]);
  });
});
