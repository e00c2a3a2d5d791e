import type { ExecutorRole } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { pinKey, pinKeys } from '../judge/authenticate.js';

/** Milliseconds that one try of an executor may take; its own timeout is in the worker config, and heartbeats tell a dead worker. */
const EXECUTOR_ALLOWANCE_MS = 6 * 3_600_000;
/** Milliseconds for checkouts, patches and the store. */
const ENGINE_ALLOWANCE_MS = 10 * 60_000;

/**
 * Milliseconds that a gate may take under a policy which runs each check once at the most, as P00 does on the base
 * commit: every try, and every check.
 */
export const gateTimeoutMs = (policy: Policy): number =>
  policy.limits.output_tries * EXECUTOR_ALLOWANCE_MS +
  Object.values(policy.checks).reduce((sum, { timeout }) => sum + timeout, 0) +
  ENGINE_ALLOWANCE_MS;

/** What a plan holds that the policy does not say. */
export interface PlanFacts {
  readonly pack_sha256: string;
  readonly lint_passed: boolean;
  readonly task_queues: Readonly<Record<ExecutorRole, string>>;
  readonly request_signed_by: RunPlan['request_signed_by'];
  /** The version that the run pins; see `contracts/run/rules-version.ts`. */
  readonly rules_version: number;
}

/**
 * What the domain must know of a policy. The engine pins it when a run opens, the verifier makes it again.
 * @throws PromptOsError POLICY_INVALID for a key that is none
 */
export function planRun(policy: Policy, facts: PlanFacts): RunPlan {
  const { writer, verifier, reviewer, integrator } = policy.roles;
  return {
    // Plans of version 1 do not name it.
    ...(facts.rules_version === 1 ? {} : { rules_version: facts.rules_version }),
    pack_sha256: facts.pack_sha256,
    lint_passed: facts.lint_passed,
    principals: { writer, verifier, reviewer },
    integrators: integrator,
    known_actors: Object.keys(policy.principals),
    self_approval: policy.self_approval,
    ...(policy.cancellation === undefined ? {} : { cancellation: policy.cancellation }),
    separation: policy.separation,
    ...(policy.independence === undefined ? {} : { independence: policy.independence }),
    approvals: policy.approvals,
    waivable: policy.waivable,
    rework_rounds: policy.limits.rework_rounds,
    ...(policy.budgets === undefined ? {} : { budgets: policy.budgets }),
    ...(policy.limits.waiver_lifetime === undefined ? {} : { waiver_lifetime_ms: policy.limits.waiver_lifetime }),
    deadlines: policy.deadlines,
    gate_timeout_ms: gateTimeoutMs(policy),
    task_queues: { ...facts.task_queues },
    authentication: policy.decisions.authentication,
    attestations: policy.attestations,
    keys: pinKeys(policy),
    ...(facts.rules_version === 1 ? {} : { engine_keys: policy.engine.keys.map(pinKey) }),
    request_signed_by: facts.request_signed_by,
  };
}
