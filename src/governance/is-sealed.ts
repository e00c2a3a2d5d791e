import { runRecordStatement } from '../attestation/engine-acts.js';
import { openEnvelope } from '../attestation/envelope.js';
import type { FinaliseResult } from '../contracts/activities.js';
import { canonicalJson } from '../contracts/canonical-json.js';
import type { RunState } from './run-state.js';

/**
 * Whether a result of finalisation is the engine's: anybody who reaches Temporal can complete an activity. A run that was
 * not opened has pinned no keys to tell it by, and one whose policy takes unsigned records asks for none.
 */
export function isSealed(
  { plan, run, outcome }: Pick<RunState, 'plan' | 'run' | 'outcome'>,
  { run_record_sha256, attestation }: FinaliseResult,
): boolean {
  if (plan === null || run === null || plan.attestations === 'optional') return true;
  if (attestation === null) return false;
  const opened = openEnvelope(attestation, plan.engine_keys ?? []);
  const expected = runRecordStatement(run_record_sha256, { runId: run.run_id, outcome: outcome ?? 'failed' });
  return opened.ok && canonicalJson(opened.payload) === canonicalJson(expected);
}
