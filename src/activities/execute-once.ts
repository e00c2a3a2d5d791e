import type { DueGate, ExecuteGateResult, SentGateResult } from '../contracts/activities.js';
import { own } from '../contracts/own.js';
import { firstResult } from '../governance/journalled-results.js';
import { pinKey } from '../governance/pin-keys.js';
import type { ArtifactStore } from '../ports/index.js';
import type { PinnedDocuments } from './pinned-documents.js';
import { appendJudged, readRunJournal } from './run-journal.js';

/**
 * Carries out a gate's attempt once. Its signed result is journalled before Temporal has it, and given again to whoever
 * asks for the same attempt: a lost answer costs no second call of a model, and a Reset cannot repeat a review until it
 * passes.
 * @param execute carries it out
 * @param signal aborted once Temporal does not wait for the result any more
 * @returns of a signed result the envelope alone: all that counts is in it
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_NOT_READABLE, and what `execute` throws
 */
export async function executeOnce(
  store: Pick<ArtifactStore, 'appendJournal' | 'readJournal'>,
  documents: PinnedDocuments,
  due: DueGate,
  execute: () => Promise<ExecuteGateResult>,
  signal: AbortSignal,
): Promise<SentGateResult> {
  const { principal, nonce, started_at, run } = due;
  const step = { run_id: run.run_id, principal, nonce, started_at };
  const policy = await documents.policy(run.policy_sha256);
  const keys = (own(policy.principals, principal)?.keys ?? []).map(pinKey);
  const before = firstResult(await readRunJournal(store, run.run_id), step, keys);
  if (before !== null) return { attestation: before };
  const { attestation, ...outcome } = await execute();
  // Temporal has given the attempt up: a result that it does not take would show as one that was dropped.
  signal.throwIfAborted();
  if (attestation === null) return { ...outcome, attestation };
  const counting = await appendJudged(store, run.run_id, async (journal) => {
    // Another worker may have been quicker: then its result counts.
    const first = firstResult(journal, step, keys);
    return first === null
      ? { entries: [{ kind: 'result', envelope: attestation }], result: attestation }
      : { entries: [], result: first };
  });
  return { attestation: counting };
}
