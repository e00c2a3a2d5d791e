import { runRecordStatement } from '../attestation/engine-acts.js';
import { openEnvelope } from '../attestation/envelope.js';
import type { FinaliseResult } from '../contracts/activities.js';
import { canonicalJson } from '../contracts/canonical-json.js';
import { SHA256_PATTERN } from '../contracts/names.js';
import { readEnvelope } from './authenticate.js';
import type { RunState } from './run-state.js';

/**
 * Whether a result of finalisation is the engine's: anybody who reaches Temporal can complete an activity. A run that was
 * not opened has pinned no keys to tell it by, and one whose policy takes unsigned records asks for none.
 * @param result of any shape: the server takes whatever it is sent
 */
export function isSealed({ plan, run, outcome }: Pick<RunState, 'plan' | 'run' | 'outcome'>, result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false;
  const { run_record_sha256, attestation } = result as Partial<Record<keyof FinaliseResult, unknown>>;
  if (typeof run_record_sha256 !== 'string' || !SHA256_PATTERN.test(run_record_sha256)) return false;
  if (plan === null || run === null || plan.attestations === 'optional') return true;
  const envelope = readEnvelope(attestation);
  if (envelope === null) return false;
  const opened = openEnvelope(envelope, plan.engine_keys ?? []);
  const expected = runRecordStatement(run_record_sha256, { runId: run.run_id, outcome: outcome ?? 'failed' });
  return opened.ok && canonicalJson(opened.payload) === canonicalJson(expected);
}
