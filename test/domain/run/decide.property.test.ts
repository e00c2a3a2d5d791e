import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GATE_IDS, type GateId } from '../../../src/contracts/names.js';
import { type LedgerEvent, ledgerEventSchema } from '../../../src/contracts/run/ledger.js';
import { evolve } from '../../../src/domain/run/evolve.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { INITIAL_STATE } from '../../../src/domain/run/run-state.js';
import { DomainRun, gateResult, runInput, runPlan } from '../../support/domain.js';

/*
 * Arbitrary sequences of everything that can happen to a run. The judge below reads the ledger alone and knows nothing
 * of the reducer: it counts approvals, voids and requests by itself.
 */

const ACTORS = ['grace', 'ivan', 'ada', 'wendy', 'stranger'] as const;
const QUORUM = { P00: 1, P01: 0, P03: 2, P05: 1, P06: 1, P07: 1 };
const ALLOWED = ['grace', 'ivan'];

type Move =
  | { readonly do: 'progress' }
  | { readonly do: 'start' }
  | {
      readonly do: 'finish';
      readonly verdict: 'pass' | 'fail' | 'blocked';
      readonly finding: string | null;
      readonly escalates: boolean;
    }
  | { readonly do: 'interrupt'; readonly code: string }
  | {
      readonly do: 'decide';
      readonly actor: string;
      readonly approve: boolean;
      readonly id: number;
      readonly spoil: string;
      readonly to: GateId | null;
      readonly final: boolean;
    }
  | {
      readonly do: 'resolve';
      readonly actor: string;
      readonly choice: 'continue' | 'retry' | 'rework' | 'abort';
      readonly id: number;
      readonly which: number;
      readonly to: GateId;
    }
  | { readonly do: 'escalate'; readonly content: unknown }
  | { readonly do: 'wait'; readonly hours: number }
  | { readonly do: 'cancel' }
  | {
      readonly do: 'garbage';
      readonly kind: 'approve' | 'reject' | 'decision' | 'resolution' | 'escalation' | 'cancellation' | 'signal';
      readonly content: unknown;
    };

const actor = fc.constantFrom(...ACTORS, 'grace', 'ivan', 'grace', 'ivan');
const gate = fc.constantFrom(...GATE_IDS);
const anyText = fc.constantFrom('', ' ', 'text', ' text\n', 'x'.repeat(4_000), 'x'.repeat(5_000), 'STORE_FULL');
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 45, arbitrary: fc.constant<Move>({ do: 'progress' }) },
  { weight: 9, arbitrary: fc.constant<Move>({ do: 'start' }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      verdict: fc.constantFrom('pass', 'pass', 'pass', 'fail', 'blocked'),
      finding: fc.constantFrom(null, null, 'scope', 'secrets', 'review'),
      escalates: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('interrupt' as const), code: anyText }) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('decide' as const),
      actor,
      approve: fc.constantFrom(true, true, true, true, false),
      id: fc.nat(40),
      spoil: fc.constantFrom('', '', '', '', 'request', 'output', 'policy', 'run', 'attempt'),
      to: fc.option(gate),
      final: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('resolve' as const),
      actor,
      choice: fc.constantFrom('continue', 'continue', 'retry', 'rework', 'abort'),
      id: fc.nat(40),
      which: fc.nat(3),
      to: gate,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('escalate' as const),
      content: fc.option(
        fc.record({ issue: anyText, impact: anyText, context: anyText, recommendation: anyText }, { requiredKeys: [] }),
        { nil: undefined },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('garbage' as const),
      kind: fc.constantFrom('approve', 'reject', 'decision', 'resolution', 'escalation', 'cancellation', 'signal'),
      content: fc.anything(),
    }),
  },
);

function make(run: DomainRun, given: Move): void {
  const { state } = run;
  switch (given.do) {
    case 'progress': {
      const step = nextStep(state);
      if (step.kind === 'executeGate') run.send({ type: 'startGate', gate: step.gate, attempt: step.attempt });
      if (step.kind === 'awaitGate') {
        run.send({ type: 'finishGate', gate: step.gate, attempt: step.attempt, result: gateResult() });
      }
      if (step.kind === 'awaitDecision') {
        const actor = step.request.approved_by.includes('grace') ? 'ivan' : 'grace';
        run.approve(step.gate, { actor, acknowledged: ['scope-1', 'secrets-1', 'review-1', 'checks-1'] });
      }
      const [open] = state.escalations;
      if (step.kind === 'awaitResolution' && open) run.resolve(open.escalation_id, 'retry');
      return;
    }
    case 'start': {
      const step = nextStep(state);
      if (step.kind === 'executeGate') run.send({ type: 'startGate', gate: step.gate, attempt: step.attempt });
      // An unrequested start must change nothing, whatever the state.
      else run.send({ type: 'startGate', gate: 'P05', attempt: 1 });
      return;
    }
    case 'finish': {
      const step = nextStep(state);
      if (step.kind !== 'awaitGate') return;
      const { gate, attempt } = step;
      const blocking = given.verdict === 'fail';
      const rule = given.finding ?? 'checks';
      const result = gateResult({
        verdict: given.verdict,
        output_sha256: (run.events.length % 16).toString(16).repeat(64),
        findings:
          blocking || given.finding !== null
            ? [{ id: `${rule}-1`, rule, severity: 'high', blocking, message: 'm' }]
            : [],
        escalation: given.escalates
          ? {
              trigger: given.verdict === 'blocked' ? 'executor' : 'rule_violation',
              issue: 'i',
              impact: '',
              context: '',
              options: ['o'],
              recommendation: 'r',
              security_sensitive: false,
            }
          : null,
      });
      run.send({ type: 'finishGate', gate, attempt, result });
      return;
    }
    case 'interrupt': {
      const step = nextStep(state);
      if (step.kind === 'awaitGate') {
        run.send({ type: 'interruptGate', gate: step.gate, attempt: step.attempt, code: given.code, message: 'm' });
      }
      return;
    }
    case 'decide': {
      const standing = state.gates.find(({ request }) => request !== null)?.gate ?? 'P03';
      const decision = run.decision(standing, {
        decision_id: `d-${given.id}`,
        actor: given.actor,
        choice: given.approve ? 'approve' : 'reject',
        acknowledged: ['scope-1', 'secrets-1', 'review-1', 'checks-1'],
        ...(given.approve ? {} : { reason: 'because' }),
        ...(given.to !== null && !given.approve ? { to_gate: given.to } : {}),
        ...(given.final && !given.approve ? { final: true } : {}),
      });
      const spoiled = {
        request: { ...decision, request_id: `${standing}.${decision.attempt}.9` },
        output: { ...decision, output_sha256: 'f0'.repeat(32) },
        policy: { ...decision, policy_sha256: 'f1'.repeat(32) },
        run: { ...decision, run_id: 'run-two' },
        attempt: { ...decision, attempt: decision.attempt + 1 },
      }[given.spoil];
      run.send({ type: 'message', kind: 'decision', content: spoiled ?? decision });
      return;
    }
    case 'resolve': {
      const open = state.escalations[given.which % Math.max(state.escalations.length, 1)];
      run.resolve(open?.escalation_id ?? 'E1', given.choice, {
        decision_id: `d-${given.id}`,
        actor: given.actor,
        ...(given.choice === 'rework' ? { to_gate: given.to } : {}),
      });
      return;
    }
    case 'escalate':
      run.send({ type: 'message', kind: 'escalation', content: given.content });
      return;
    case 'wait':
      run.now += given.hours * 3_600_000;
      run.send({ type: 'clock' });
      return;
    case 'cancel':
      run.send({ type: 'cancel' });
      return;
    case 'garbage':
      run.send({ type: 'message', kind: given.kind, content: given.content });
  }
}

/** Reads a ledger as a suspicious stranger would, and throws at the first thing that must not be. */
function audit(events: readonly LedgerEvent[]): void {
  const open = new Set<string>();
  const ids = new Set<string>();
  const standing = new Map<
    GateId,
    {
      attempt: number;
      output: string | null;
      verdict: string;
      waived: Set<string>;
      blocking: string[];
      request: string | null;
      approvals: string[];
      passed: boolean;
    }
  >();
  let closed = false;
  const use = (id: string) => {
    if (ids.has(id)) throw new Error(`decision ${id} counted twice`);
    ids.add(id);
  };
  for (const event of events) {
    if (closed) throw new Error(`${event.type} after the run was closed`);
    switch (event.type) {
      case 'gateStarted':
        if (open.size > 0) throw new Error(`${event.gate} started while ${[...open]} is open`);
        standing.set(event.gate, {
          attempt: event.attempt,
          output: null,
          verdict: '',
          waived: new Set(),
          blocking: [],
          request: null,
          approvals: [],
          passed: false,
        });
        break;
      case 'gateFinished': {
        const gate = standing.get(event.gate);
        if (gate === undefined || gate.attempt !== event.attempt) throw new Error('finished without a start');
        gate.output = event.output_sha256;
        gate.verdict = event.verdict;
        gate.blocking = event.findings.filter(({ blocking }) => blocking).map(({ id }) => id);
        break;
      }
      case 'decisionRequested': {
        const gate = standing.get(event.gate);
        if (gate === undefined) throw new Error('requested without a start');
        gate.request = event.request_id;
        gate.approvals = [];
        break;
      }
      case 'decisionCounted': {
        const { decision } = event;
        use(decision.decision_id);
        if (!ALLOWED.includes(decision.actor)) throw new Error(`${decision.actor} decided`);
        const gate = standing.get(decision.gate);
        if (gate === undefined || gate.passed) throw new Error('a decision on an invalid attempt counted');
        if (gate.request !== decision.request_id) throw new Error('a decision for an earlier request counted');
        if (gate.output !== decision.output_sha256) throw new Error('a decision about other bytes counted');
        if (decision.run_id !== 'run-one') throw new Error('a decision for another run counted');
        if (decision.choice === 'approve') gate.approvals.push(decision.actor);
        else gate.request = null;
        break;
      }
      case 'gatePassed': {
        const gate = standing.get(event.gate);
        if (gate === undefined || open.size > 0) throw new Error('passed while it must not');
        if (new Set(gate.approvals).size < QUORUM[event.gate]) throw new Error('passed without its quorum');
        const waived = gate.blocking.length > 0 && gate.blocking.every((id) => gate.waived.has(id));
        if (gate.verdict !== 'pass' && !(gate.verdict === 'fail' && waived)) throw new Error('passed though it failed');
        gate.passed = true;
        break;
      }
      case 'gateSentBack':
        if (open.size > 0) throw new Error('moved while an escalation is open');
        for (const gate of GATE_IDS.slice(GATE_IDS.indexOf(event.to_gate))) standing.delete(gate);
        break;
      case 'escalationOpened':
        open.add(event.escalation_id);
        break;
      case 'escalationResolved': {
        use(event.resolution.decision_id);
        if (!ALLOWED.includes(event.resolution.actor)) throw new Error(`${event.resolution.actor} resolved`);
        if (!open.delete(event.resolution.escalation_id)) throw new Error('resolved what is not open');
        if (event.waived.some((id) => id.startsWith('secrets') || id.startsWith('checks')))
          throw new Error('waived what cannot be');
        for (const gate of standing.values()) {
          for (const id of event.waived) gate.waived.add(id);
          if (event.waived.length > 0) gate.request = gate.passed ? gate.request : null;
        }
        break;
      }
      case 'runClosed':
        closed = true;
        if (event.outcome !== 'approved') break;
        if (open.size > 0) throw new Error('approved while an escalation is open');
        for (const gate of GATE_IDS)
          if (standing.get(gate)?.passed !== true) throw new Error(`approved without ${gate}`);
        break;
      default:
    }
  }
}

const plan = runPlan({ approvals: QUORUM });

test('decide: whatever happens, the ledger keeps every promise of the design', () => {
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(move, { minLength: 1, maxLength: 120, size: 'max' }), (moves) => {
      const run = new DomainRun().open(plan);
      for (const given of moves) make(run, given);
      audit(run.events);
      expect(run.events.reduce(evolve, INITIAL_STATE)).toEqual(run.state);
      // A worker parses the ledger again: whatever is written must be of its shape, and come out unchanged.
      for (const { at: _, ...event } of run.events) expect(ledgerEventSchema.parse(event)).toEqual(event);
      outcomes.set(run.state.outcome ?? 'open', (outcomes.get(run.state.outcome ?? 'open') ?? 0) + 1);
    }),
    { numRuns: 1_500, seed: 20_260_101 },
  );
  // The sequences are worth something only when they reach the ends that the audit is about.
  expect([...outcomes.keys()].sort()).toEqual(['aborted', 'approved', 'expired', 'open', 'rejected']);
});

test('decide: every sequence can still be ended by an integrator alone, and by cancelling', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60, size: 'max' }), (moves) => {
      const run = new DomainRun().open(plan);
      for (const given of moves) make(run, given);
      const copy = new DomainRun();
      copy.state = run.state;
      copy.send({ type: 'cancel' });
      expect(copy.state.phase).toBe('closed');
      for (let turn = 0; turn < 400 && run.state.phase !== 'closed'; turn++) {
        const step = nextStep(run.state);
        if (step.kind === 'executeGate') run.send({ type: 'startGate', gate: step.gate, attempt: step.attempt });
        if (step.kind === 'awaitGate')
          run.send({ type: 'finishGate', gate: step.gate, attempt: step.attempt, result: gateResult() });
        if (step.kind === 'awaitDecision') run.reject(step.gate, { final: true, decision_id: `end-${turn}` });
        const open = run.state.escalations[0];
        if (step.kind === 'awaitResolution' && open)
          run.resolve(open.escalation_id, 'abort', { decision_id: `end-${turn}` });
      }
      expect(run.state.phase).toBe('closed');
    }),
    { numRuns: 300, seed: 20_260_102 },
  );
});

test('audit: refuses ledgers that break a promise', () => {
  const run = new DomainRun().open(plan, runInput());
  for (const gate of GATE_IDS) {
    run.runGate(gate);
    run.approve(gate);
    if (gate === 'P03') run.approve(gate, { actor: 'ivan' });
  }
  expect(run.state.outcome).toBe('approved');
  audit(run.events);
  const without = (type: string, nth: number) => {
    let seen = 0;
    return run.events.filter((event) => event.type !== type || seen++ !== nth);
  };
  const broken = [
    without('decisionCounted', 0),
    without('decisionCounted', 2),
    without('gatePassed', 5),
    without('decisionRequested', 3),
    without('gateFinished', 1),
    [...run.events, run.events[1] as LedgerEvent],
    run.events.map((event) =>
      event.type === 'decisionCounted' ? { ...event, decision: { ...event.decision, actor: 'ada' } } : event,
    ),
    run.events.map((event) =>
      event.type === 'decisionCounted' ? { ...event, decision: { ...event.decision, decision_id: 'same' } } : event,
    ),
    run.events.map((event) => (event.type === 'gateFinished' ? { ...event, verdict: 'fail' as const } : event)),
  ];
  for (const events of broken) expect(() => audit(events)).toThrow();
});
