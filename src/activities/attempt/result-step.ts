import { own } from '../../contracts/json.js';
import type { PinnedKey } from '../../contracts/keys.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { DueGate } from '../../contracts/run/activities.js';
import { pinKey } from '../../domain/judge/authenticate.js';
import type { ResultStep } from '../../domain/ledger/journalled-results.js';

/** An attempt as its results and claims name it. */
export const resultStep = ({ principal, nonce, started_at, run }: DueGate): ResultStep => ({
  run_id: run.run_id,
  principal,
  nonce,
  started_at,
});

/** The keys that a policy lists for the principal of an attempt. @throws PromptOsError POLICY_INVALID */
export const keysOfPrincipal = ({ principals }: Policy, { principal }: Pick<DueGate, 'principal'>): PinnedKey[] =>
  (own(principals, principal)?.keys ?? []).map(pinKey);
