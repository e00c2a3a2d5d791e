import type { AttemptRecord } from '../contracts/attempt.js';
import { canonicalJson } from '../contracts/canonical-json.js';
import type { Envelope } from '../contracts/keys.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { type ExecutorRole, GATES } from '../contracts/names.js';
import type { RunPlan } from '../contracts/run-plan.js';
import type { RunRecord } from '../contracts/run-record.js';
import { keyidOf } from './signed-acts.js';

/**
 * The judge and the judged: who holds each role, with which keys they signed in this run, and which executors really
 * carried the role out, void attempts included. In the order in which each first appeared.
 */
export function recordedRoles(
  plan: RunPlan | null,
  entries: readonly LedgerEntry[],
  attempts: readonly AttemptRecord[],
): RunRecord['roles'] {
  if (plan === null) return { writer: null, verifier: null, reviewer: null, integrator: [] };
  const keysOfPeople = (principal: string) =>
    keyids(
      entries.flatMap((entry) => {
        if (entry.type === 'decisionCounted') return entry.decision.actor === principal ? [entry.envelope] : [];
        if (entry.type === 'escalationResolved') return entry.resolution.actor === principal ? [entry.envelope] : [];
        if (entry.type === 'cancellationCounted') return entry.cancellation.actor === principal ? [entry.envelope] : [];
        return [];
      }),
    );
  const keysOfRole = (role: ExecutorRole) =>
    keyids(
      entries.flatMap((entry) =>
        entry.type === 'gateFinished' && GATES[entry.gate].role === role ? [entry.attestation] : [],
      ),
    );
  const executors = (role: ExecutorRole) => {
    const used = attempts.filter((attempt) => attempt.role === role).map(({ executor }) => executor);
    return [...new Map(used.map((executor) => [canonicalJson(executor), executor])).values()];
  };
  const duty = (role: ExecutorRole) => ({
    principal: plan.principals[role],
    keyids: keysOfRole(role),
    executors: executors(role),
  });
  return {
    writer: duty('writer'),
    verifier: duty('verifier'),
    reviewer: duty('reviewer'),
    integrator: plan.integrators.map((principal) => ({ principal, keyids: keysOfPeople(principal) })),
  };
}

const keyids = (envelopes: readonly (Envelope | null)[]): string[] => [
  ...new Set(envelopes.flatMap((envelope) => keyidOf(envelope) ?? [])),
];
