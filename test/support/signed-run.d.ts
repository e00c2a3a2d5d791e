import { gateAttemptStatement } from '../../src/attestation/acts.js';
import type { Decision, DecisionAnswer, PersonEscalation, Resolution } from '../../src/contracts/decisions.js';
import type { Envelope } from '../../src/contracts/keys.js';
import type { GateId } from '../../src/contracts/names.js';
import type { RunPlan } from '../../src/contracts/run-plan.js';
import { DomainRun } from './domain.js';
import { type TestKey } from './signing.js';
/** Everybody's keys, made once: they are what a policy would list. */
export declare const KEYS: Record<string, TestKey>;
export declare const keyOf: (name: string) => TestKey;
/** A plan under which everything must be signed. */
export declare const signedPlan: (overrides?: Partial<RunPlan>) => RunPlan;
/** A run in the pure domain whose messages and results are signed. */
export declare class SignedRun extends DomainRun {
    times(): {
        decided_at: string;
        expires_at: string;
    };
    attest(gate: GateId, overrides?: Partial<Parameters<typeof gateAttemptStatement>[1]>, signer?: TestKey, output?: string): Envelope;
    /** Starts the next gate and lets it give a signed result. */
    runSigned(gate: GateId, attestation?: () => Envelope | null): this;
    signedDecision(gate: GateId, overrides?: Partial<Decision>, signer?: TestKey): Envelope;
    signedResolution(escalation: string, { report_sha256, ...overrides }?: Partial<Resolution>, signer?: TestKey): Envelope;
    signedEscalation(overrides?: Partial<PersonEscalation>, signer?: TestKey): Envelope;
    deliver(kind: 'approve' | 'reject' | 'decision' | 'resolution' | 'escalation', content: unknown): DecisionAnswer;
}
