import { own } from '../../contracts/json.js';
import type { Envelope, PinnedKey } from '../../contracts/keys.js';
import { GATES } from '../../contracts/names.js';
import { oncePerObject } from '../../contracts/remember.js';
import type { JournalEntry } from '../../contracts/run/journal.js';
import type { LedgerEntry } from '../../contracts/run/ledger.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { envelopeSha256, openEnvelope, statementOf } from '../attest/envelope.js';
import { PREDICATES, readStatement } from '../attest/statement.js';
import { isValidAt } from '../judge/authenticate.js';

/** The attempt that a result is about. */
export interface ResultStep {
  readonly run_id: string;
  readonly principal: string;
  /** The hash of the ledger's entry that started it. */
  readonly nonce: string;
  /** When that was: the key must count then, so that one that had ended before cannot speak for the principal. */
  readonly started_at: string;
}

type Result = Extract<JournalEntry, { kind: 'result' }>;

const statedIn = oncePerObject(
  (envelope: Envelope) => readStatement(statementOf(envelope), PREDICATES.gateAttemptV2)?.predicate,
);

/** Whether a key of the principal signed a result of this very attempt. */
function isResultOf(step: ResultStep, envelope: Envelope, keys: readonly PinnedKey[]): boolean {
  const stated = statedIn(envelope);
  const { run_id, principal, nonce, started_at } = step;
  if (stated?.runId !== run_id || stated.principal !== principal || stated.nonce !== nonce) return false;
  return openEnvelope(
    envelope,
    keys.filter((key) => isValidAt(key, started_at)),
  ).ok;
}

/**
 * The first result of an attempt that its principal journalled. It is the one that counts: every caller that asks for the attempt
 * once more is given it again.
 * @param keys of the principal
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
 * Says what a journalled result is where the ledger goes on without it, else null: it has another result of the attempt,
 * or says that the attempt was interrupted. An attempt that runs, or ended with the run, lacks its result for a reason
 * that people see; so does one that a fork interrupted.
 */
export function droppedResult(
  { run_id, plan }: { readonly run_id: string; readonly plan: RunPlan },
  { envelope }: Result,
  ledger: readonly LedgerEntry[],
): string | null {
  const stated = statedIn(envelope);
  const started = ledger.find((entry) => entry.type === 'gateStarted' && entry.hash === stated?.nonce);
  if (started?.type !== 'gateStarted') return null;
  const { gate, attempt, hash: nonce, at: started_at } = started;
  const ended = ledger.find(
    (entry) =>
      (entry.type === 'gateFinished' || entry.type === 'gateInterrupted') &&
      entry.gate === gate &&
      entry.attempt === attempt,
  );
  const instead = insteadOf(envelope, ended);
  if (instead === null) return null;
  const principal = plan.principals[GATES[gate].role];
  const step = { run_id, principal, nonce, started_at };
  if (!isResultOf(step, envelope, own(plan.keys, principal) ?? [])) return null;
  return `the result of ${gate}, attempt ${attempt}, signed by ${principal}: ${String(stated?.verdict).slice(0, 20)}; the ledger has ${instead}`;
}

/** What the ledger has in place of a result; null where it has that result, or nothing yet. */
function insteadOf(envelope: Envelope, ended: LedgerEntry | undefined): string | null {
  if (ended?.type === 'gateInterrupted') return ended.code === 'FORK' ? null : `an interruption, ${ended.code}`;
  if (ended?.type !== 'gateFinished') return null;
  if (ended.attestation === null) return 'one that is not signed';
  return envelopeSha256(ended.attestation) === envelopeSha256(envelope) ? null : 'another';
}
