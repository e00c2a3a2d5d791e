import { GATE_IDS, type GateId } from '../../src/contracts/names.js';
import type { ExecuteGateResult } from '../../src/contracts/run/activities.js';
import type { Decision, DecisionAnswer, Resolution } from '../../src/contracts/run/decisions.js';
import type { LedgerEvent } from '../../src/contracts/run/ledger.js';
import type { GovernedRunInput, RunPlan } from '../../src/contracts/run/run-plan.js';
import type { Command } from '../../src/domain/run/commands.js';
import { decide } from '../../src/domain/run/decide.js';
import { evolve } from '../../src/domain/run/evolve.js';
import { INITIAL_STATE, type RunState } from '../../src/domain/run/run-state.js';

const digest = (digit: string): string => digit.repeat(64);

export const POLICY_SHA256 = digest('b');

export const runInput = (gates: readonly GateId[] = GATE_IDS): GovernedRunInput => ({
  schema_version: 1,
  run_id: 'run-one',
  developer: 'ada',
  target_repo: 'example',
  base_commit: '1'.repeat(40),
  gates: [...gates],
  request_sha256: digest('a'),
  policy_sha256: POLICY_SHA256,
  pack_object_sha256: digest('c'),
  prompt_os_version: 'v1.0.0',
  request_attestation_sha256: null,
});

export const runPlan = (overrides: Partial<RunPlan> = {}): RunPlan => ({
  pack_sha256: digest('d'),
  lint_passed: true,
  principals: { writer: 'wendy', verifier: 'victor', reviewer: 'rita' },
  integrators: ['grace', 'ivan', 'ada'],
  known_actors: ['ada', 'grace', 'ivan', 'wendy', 'victor', 'rita'],
  self_approval: 'refused',
  separation: { executors: 'distinct' },
  approvals: { P00: 1, P01: 1, P03: 1, P05: 1, P06: 1, P07: 1 },
  waivable: ['scope'],
  rework_rounds: 2,
  deadlines: { remind: 3_600_000, escalate: 7_200_000, expire: 14_400_000 },
  gate_timeout_ms: 3_600_000,
  authentication: 'optional',
  attestations: 'optional',
  keys: {},
  request_signed_by: null,
  task_queues: { writer: 'q.writer', verifier: 'q.verifier', reviewer: 'q.reviewer' },
  ...overrides,
});

const WORKFLOW = {
  namespace: 'default',
  workflow_id: 'promptos/run/run-one',
  first_execution_run_id: 'first',
  task_queue: 'q',
};

export const gateResult = (overrides: Partial<ExecuteGateResult> = {}): ExecuteGateResult => ({
  verdict: 'pass',
  reason: null,
  output_sha256: digest('e'),
  findings: [],
  findings_omitted: 0,
  blocking_omitted: 0,
  severe_omitted: 0,
  escalation: null,
  attestation: null,
  ...overrides,
});

/** A run in the pure domain: commands in, events and state out, under a clock that the test moves. */
export class DomainRun {
  state: RunState = INITIAL_STATE;
  readonly events: (LedgerEvent & { readonly at: string })[] = [];
  now = Date.parse('2026-01-01T00:00:00.000Z');
  counted: Partial<Record<string, number>> = {};

  send(command: Command): { readonly events: readonly LedgerEvent[]; readonly answer: DecisionAnswer } {
    const at = new Date(this.now).toISOString();
    const { events, answer, uncounted } = decide(this.state, command, { at, refusals_counted: this.counted });
    for (const event of events) {
      const entry = { ...event, at };
      this.events.push(entry);
      this.state = evolve(this.state, entry);
    }
    if (uncounted !== null) this.counted[uncounted] = (this.counted[uncounted] ?? 0) + 1;
    return { events, answer };
  }

  open(plan = runPlan(), input = runInput()): this {
    this.send({ type: 'open', run: input, workflow: WORKFLOW, plan });
    return this;
  }

  /** Starts the next gate and lets it give a result. */
  runGate(gate: GateId, result: Partial<ExecuteGateResult> = {}): this {
    const attempt = (this.state.gates.find((candidate) => candidate.gate === gate)?.attempts ?? 0) + 1;
    this.send({ type: 'startGate', gate, attempt });
    this.send({ type: 'finishGate', gate, attempt, result: gateResult(result) });
    return this;
  }

  /** A decision on the pending request, as the given integrator would send it. */
  decision(gate: GateId, overrides: Partial<Decision> = {}): Decision {
    const found = this.state.gates.find((candidate) => candidate.gate === gate);
    return {
      decision_id: `d-${this.events.length}-${overrides.actor ?? 'grace'}`,
      run_id: 'run-one',
      gate,
      attempt: found?.current?.attempt ?? 1,
      request_id: found?.request?.request_id ?? `${gate}.1.1`,
      output_sha256: found?.current?.output_sha256 ?? digest('e'),
      policy_sha256: POLICY_SHA256,
      actor: 'grace',
      choice: 'approve',
      ...overrides,
    };
  }

  approve(gate: GateId, overrides: Partial<Decision> = {}): DecisionAnswer {
    return this.send({ type: 'message', kind: 'decision', content: this.decision(gate, overrides) }).answer;
  }

  reject(gate: GateId, overrides: Partial<Decision> = {}): DecisionAnswer {
    return this.approve(gate, { choice: 'reject', reason: 'not yet', ...overrides });
  }

  resolve(escalation: string, choice: Resolution['choice'], overrides: Partial<Resolution> = {}): DecisionAnswer {
    const content: Resolution = {
      decision_id: `r-${this.events.length}`,
      run_id: 'run-one',
      escalation_id: escalation,
      request_id: `${escalation}.1`,
      policy_sha256: POLICY_SHA256,
      actor: 'grace',
      choice,
      ...overrides,
    };
    return this.send({ type: 'message', kind: 'resolution', content }).answer;
  }

  types(): string[] {
    return this.events.map(({ type }) => type);
  }
}
