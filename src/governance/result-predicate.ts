import type { GateResultPredicate } from '../attestation/acts.js';
import type { AttemptRecord } from '../contracts/attempt.js';
import { canonicalSha256 } from '../contracts/canonical-json.js';
import type { LedgerHead } from '../contracts/ledger.js';

/** What an attempt's signed statement says beside its outcome, from its record and the step that it carried out. */
export const resultPredicate = (
  record: AttemptRecord,
  step: { readonly feedback_sha256: string; readonly nonce: string; readonly ledger: LedgerHead },
): GateResultPredicate => ({
  runId: record.run_id,
  gate: record.gate,
  attempt: record.attempt,
  principal: record.principal,
  policySha256: record.policy_sha256,
  promptSha256: record.prompt.sha256,
  renderedPromptSha256: record.tries.at(-1)?.rendered_prompt_sha256 ?? null,
  feedbackSha256: step.feedback_sha256,
  artifactsSha256: canonicalSha256([...record.artifacts, ...record.transcripts]),
  nonce: step.nonce,
  ledger: { entries: step.ledger.entries, hash: step.ledger.hash },
});
