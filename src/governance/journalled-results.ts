import { openEnvelope, statementOf } from '../attestation/envelope.js';
import { PREDICATES, readStatement } from '../attestation/statement.js';
import { canonicalSha256 } from '../contracts/canonical-json.js';
import type { JournalEntry } from '../contracts/journal.js';
import type { Envelope, PinnedKey } from '../contracts/keys.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { GATES } from '../contracts/names.js';
import { own } from '../contracts/own.js';
import type { RunPlan } from '../contracts/run-plan.js';

/** The attempt that a result is about: the nonce is the hash of the ledger's entry that started it. */
export interface ResultStep {
  readonly run_id: string;
  readonly principal: string;
  readonly nonce: string;
}

type Result = Extract<JournalEntry, { kind: 'result' }>;

/** Whether a key of the principal signed a result of this very attempt. */
function isResultOf({ run_id, principal, nonce }: ResultStep, envelope: Envelope, keys: readonly PinnedKey[]): boolean {
  const stated = readStatement(statementOf(envelope), PREDICATES.gateAttemptV2)?.predicate;
  const same = stated?.runId === run_id && stated.principal === principal && stated.nonce === nonce;
  return same && openEnvelope(envelope, keys).ok;
}

/**
 * The first result of an attempt that its principal journalled. It is the one that counts: whoever asks for the attempt
 * once more is given it again.
 * @param keys of the principal; whether the key counts at the time, the run judges
 */
export function firstResult(
  journal: readonly { readonly entry: JournalEntry | null }[],
  step: ResultStep,
  keys: readonly PinnedKey[],
): Envelope | null {
  const found = journal.find(({ entry }) => entry?.kind === 'result' && isResultOf(step, entry.envelope, keys));
  return found?.entry?.kind === 'result' ? found.entry.envelope : null;
}

/**
 * Says what a journalled result is where the ledger has another result of the same attempt, else null. An attempt without
 * a result in the ledger runs, was interrupted or ended with the run, and people see that.
 */
export function replacedResult(
  { run_id, plan }: { readonly run_id: string; readonly plan: RunPlan },
  { envelope }: Result,
  ledger: readonly LedgerEntry[],
): string | null {
  const nonce = readStatement(statementOf(envelope), PREDICATES.gateAttemptV2)?.predicate.nonce;
  const started = ledger.find((entry) => entry.type === 'gateStarted' && entry.hash === nonce);
  if (started?.type !== 'gateStarted') return null;
  const { gate, attempt } = started;
  const finished = ledger.find(
    (entry) => entry.type === 'gateFinished' && entry.gate === gate && entry.attempt === attempt,
  );
  if (finished?.type !== 'gateFinished' || finished.attestation === null) return null;
  if (canonicalSha256(finished.attestation) === canonicalSha256(envelope)) return null;
  const principal = plan.principals[GATES[gate].role];
  const signed = isResultOf({ run_id, principal, nonce: started.hash }, envelope, own(plan.keys, principal) ?? []);
  return signed ? `another result of ${gate}, attempt ${attempt}, signed by ${principal}` : null;
}
