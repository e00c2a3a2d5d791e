import type { Envelope } from '../../src/contracts/keys.js';
import { GATES, type GateId } from '../../src/contracts/names.js';
import type {
  Cancellation,
  Decision,
  DecisionAnswer,
  PersonEscalation,
  Resolution,
} from '../../src/contracts/run/decisions.js';
import type { RunPlan } from '../../src/contracts/run/run-plan.js';
import {
  cancellationStatement,
  decisionStatement,
  escalationStatement,
  gateAttemptStatement,
  resolutionStatement,
} from '../../src/domain/attest/acts.js';
import { DomainRun, gateResult, POLICY_SHA256, runPlan } from './domain.js';
import { makeTestKey, type TestKey } from './signing.js';

/** Everybody's keys, made once: they are what a policy would list. */
const KEYS = Object.fromEntries(
  ['ada', 'grace', 'ivan', 'wendy', 'victor', 'rita'].map((name) => [name, makeTestKey()]),
) as Record<string, TestKey>;

export const keyOf = (name: string): TestKey => {
  const key = KEYS[name];
  if (key === undefined) throw new Error(`no key for ${name}`);
  return key;
};

/** A plan under which everything must be signed. */
export const signedPlan = (overrides: Partial<RunPlan> = {}): RunPlan =>
  runPlan({
    authentication: 'required',
    attestations: 'required',
    keys: Object.fromEntries(Object.entries(KEYS).map(([name, { pinned }]) => [name, [pinned]])),
    ...overrides,
  });

const HOUR = 3_600_000;

/** A run in the pure domain whose messages and results are signed. */
export class SignedRun extends DomainRun {
  times(): { decided_at: string; expires_at: string } {
    return { decided_at: new Date(this.now).toISOString(), expires_at: new Date(this.now + HOUR).toISOString() };
  }

  attest(
    gate: GateId,
    overrides: Partial<Parameters<typeof gateAttemptStatement>[1]> = {},
    signer?: TestKey,
    output = 'e'.repeat(64),
  ): Envelope {
    const principal = signedPlan().principals[GATES[gate].role];
    const attempt = this.state.gates.find((candidate) => candidate.gate === gate)?.attempts ?? 1;
    const statement = gateAttemptStatement(output, {
      runId: 'run-one',
      gate,
      attempt,
      principal,
      verdict: 'pass',
      policySha256: POLICY_SHA256,
      promptSha256: '1'.repeat(64),
      renderedPromptSha256: '2'.repeat(64),
      ...overrides,
    });
    return (signer ?? keyOf(principal)).seal(statement);
  }

  /** Starts the next gate and lets it give a signed result. */
  runSigned(gate: GateId, attestation?: () => Envelope | null): this {
    const attempt = (this.state.gates.find((candidate) => candidate.gate === gate)?.attempts ?? 0) + 1;
    this.send({ type: 'startGate', gate, attempt });
    const envelope = attestation === undefined ? this.attest(gate) : attestation();
    this.send({ type: 'finishGate', gate, attempt, result: gateResult({ attestation: envelope }) });
    return this;
  }

  signedDecision(gate: GateId, overrides: Partial<Decision> = {}, signer = keyOf('grace')): Envelope {
    return signer.seal(decisionStatement(this.decision(gate, { ...this.times(), ...overrides })));
  }

  signedResolution(
    escalation: string,
    { report_sha256, ...overrides }: Partial<Resolution> = {},
    signer = keyOf('grace'),
  ): Envelope {
    const open = this.state.escalations.find(({ escalation_id }) => escalation_id === escalation);
    return signer.seal(
      resolutionStatement({
        decision_id: `r-${this.events.length}`,
        run_id: 'run-one',
        escalation_id: escalation,
        request_id: `${escalation}.1`,
        policy_sha256: POLICY_SHA256,
        report_sha256: report_sha256 ?? open?.report_sha256 ?? '0'.repeat(64),
        actor: 'grace',
        choice: 'retry',
        ...this.times(),
        ...overrides,
      }),
    );
  }

  signedEscalation(overrides: Partial<PersonEscalation> = {}, signer = keyOf('ada')): Envelope {
    return signer.seal(
      escalationStatement(
        { actor: 'ada', run_id: 'run-one', issue: 'stop', ...this.times(), ...overrides },
        POLICY_SHA256,
      ),
    );
  }

  signedCancellation(overrides: Partial<Cancellation> = {}, signer = keyOf('ada')): Envelope {
    const said = { decision_id: `c-${this.events.length}`, run_id: 'run-one', actor: 'ada', reason: 'enough' };
    return signer.seal(cancellationStatement({ ...said, policy_sha256: POLICY_SHA256, ...this.times(), ...overrides }));
  }

  deliver(
    kind: 'approve' | 'reject' | 'decision' | 'resolution' | 'escalation' | 'cancellation',
    content: unknown,
  ): DecisionAnswer {
    return this.send({ type: 'message', kind, content }).answer;
  }
}
