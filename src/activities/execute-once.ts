import type { DueGate, ExecuteGateResult, SentGateResult } from '../contracts/activities.js';
import { PromptOsError } from '../contracts/errors.js';
import type { Envelope, PinnedKey } from '../contracts/keys.js';
import { own } from '../contracts/own.js';
import { firstResult, type ResultStep } from '../governance/journalled-results.js';
import { pinKey } from '../governance/pin-keys.js';
import type { ArtifactStore } from '../ports/index.js';
import type { PinnedDocuments } from './pinned-documents.js';
import { appendAfter, readRunJournal } from './run-journal.js';

type Journal = Pick<ArtifactStore, 'appendJournal' | 'readJournal'>;

/** Times that a result is journalled anew because somebody appended to the journal meanwhile. */
const APPEND_ROUNDS = 100;

/**
 * Carries out a gate's attempt once. Its signed result is journalled before Temporal has it, and given again to whoever
 * asks for the same attempt: a lost answer costs no second call of a model, and a Reset cannot repeat a review until it
 * passes.
 * @param execute carries it out
 * @param signal aborted when nobody waits for the result any more
 * @returns of a signed result the envelope alone: all that counts is in it
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_NOT_READABLE, and what `execute` throws
 */
export async function executeOnce(
  store: Journal,
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
  return attestation === null
    ? { ...outcome, attestation }
    : { attestation: await journalResult(store, step, keys, attestation) };
}

/** @returns the result that counts: this one, or that of another worker which was quicker */
async function journalResult(
  store: Journal,
  step: ResultStep,
  keys: readonly PinnedKey[],
  envelope: Envelope,
): Promise<Envelope> {
  for (let round = 0; round < APPEND_ROUNDS; round += 1) {
    const journal = await readRunJournal(store, step.run_id);
    const first = firstResult(journal, step, keys);
    if (first !== null) return first;
    if ((await appendAfter(store, step.run_id, journal, { kind: 'result', envelope })) !== null) return envelope;
  }
  throw new PromptOsError('STORE_NOT_WRITABLE', `The journal of ${step.run_id} grew faster than it could be written.`);
}
