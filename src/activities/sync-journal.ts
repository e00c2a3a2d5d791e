import type { LedgerSegment, SyncJournalInput, SyncJournalResult } from '../contracts/activities.js';
import { PromptOsError } from '../contracts/errors.js';
import type { JournalEntry, PlacedJournalEntry } from '../contracts/journal.js';
import type { Envelope } from '../contracts/keys.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { ENGINE } from '../contracts/names.js';
import { describeFork, missingEntries } from '../governance/journal.js';
import { ledgerLines } from '../governance/ledger-chain.js';
import { nextStep } from '../governance/next-step.js';
import { messageSha256 } from '../governance/replay-ledger.js';
import type { GovernancePorts } from '../ports/index.js';
import { engineSigner } from './engine-key.js';
import { headEntry } from './journal-head.js';
import { appendAfter, readRunJournal } from './run-journal.js';
import { journalledRun, notDue, type PrefixVerifier, type VerifiedPrefix } from './verify-prefix.js';

/** What asks: the engine vouches for a head only inside its own workflow task. */
export interface AskingExecution {
  readonly workflowId: string | undefined;
  readonly isLocal: boolean;
}

/** Times that the journal is judged anew because somebody appended to it meanwhile. */
const APPEND_ROUNDS = 100;

/**
 * Brings a run's ledger and its journal together before the run's next step: verifies the whole ledger, saves what is new
 * of it, journals signed messages that came past the clients, and signs the head. With a fork it signs nothing and says
 * what is missing.
 * @throws PromptOsError STEP_NOT_DUE, LEDGER_BROKEN, ENGINE_KEY_MISSING, and what the store fails with
 */
export async function syncJournal(
  { store, signers }: Pick<GovernancePorts, 'store' | 'signers'>,
  verifier: PrefixVerifier,
  input: SyncJournalInput,
  { workflowId, isLocal }: AskingExecution,
): Promise<SyncJournalResult> {
  if (!isLocal) throw notDue('the engine signs a head only for its own workflow, by a local activity');
  const { run_id, ledger, purpose, gate, attempt } = input;
  const prefix = await verifier.verify(run_id, workflowId, ledger);
  const { entries, opening } = prefix;
  if (opening.type === 'openingFailed') throw notDue('the run was not opened');
  requireDue(prefix, input);
  const segment = await saveEntries(store, ledger.entries);
  const signer = engineSigner({ signers }, prefix.policy, entries.at(-1)?.at ?? opening.at);
  const last = ledger.head;
  const head = await headEntry(
    { run_id, by: ENGINE, purpose, gate, attempt, entries: last.entries, hash: last.hash },
    signer,
  );
  let { journal } = prefix;
  for (let round = 0; round < APPEND_ROUNDS; round += 1) {
    const missing = missingEntries(journalledRun(run_id, opening.plan), journal, entries, prefix.accepted);
    if (missing.length > 0) {
      return {
        segment,
        fork: {
          fork: describeFork(missing, journal.length, entries.length),
          missing: missing.map(({ what }) => what),
          may_arrive: missing.every(({ kind }) => kind === 'message'),
        },
      };
    }
    const appended = await appendAll(store, run_id, journal, [...unjournalled(journal, entries), head]);
    if (appended) return { segment, fork: null };
    journal = await readRunJournal(store, run_id);
  }
  throw new PromptOsError('STORE_NOT_WRITABLE', `The journal of ${run_id} grew faster than it could be judged.`);
}

/** The gate that the head is signed for is the run's next step, and a run closes only when nothing else is to do. */
function requireDue({ replay: { state } }: VerifiedPrefix, { purpose, gate, attempt }: SyncJournalInput): void {
  const step = nextStep(state);
  if (purpose === 'close' && step.kind !== 'close') throw notDue(`the run does not close now: ${step.kind}`);
  if (purpose !== 'gate') return;
  const due = step.kind === 'executeGate' || step.kind === 'awaitGate';
  if (due && step.gate === gate && step.attempt === attempt) return;
  throw notDue(
    `expected ${due ? `${step.gate}, attempt ${step.attempt}` : step.kind}, received ${gate}, attempt ${attempt}`,
  );
}

async function saveEntries(
  store: Pick<GovernancePorts['store'], 'putObject'>,
  entries: readonly LedgerEntry[],
): Promise<LedgerSegment | null> {
  if (entries.length === 0) return null;
  const { sha256 } = await store.putObject(new TextEncoder().encode(ledgerLines(entries)));
  return { sha256, entries: entries.length };
}

/** Signed messages of the ledger that no client journalled: they came through the Web UI or Temporal's command line. */
export function unjournalled(
  journal: readonly PlacedJournalEntry[],
  entries: readonly LedgerEntry[],
): readonly JournalEntry[] {
  const known = new Set(
    journal.flatMap(({ entry }) => (entry?.kind === 'message' ? [messageSha256(entry.envelope)] : [])),
  );
  const message = (kind: 'decision' | 'resolution' | 'escalation', envelope: Envelope | null): JournalEntry[] =>
    envelope === null || known.has(messageSha256(envelope)) ? [] : [{ kind: 'message', message: kind, envelope }];
  return entries.flatMap((entry) => {
    if (entry.type === 'decisionCounted') return message('decision', entry.envelope);
    if (entry.type === 'escalationResolved') return message('resolution', entry.envelope);
    return entry.type === 'escalationOpened' ? message('escalation', entry.envelope) : [];
  });
}

export async function appendAll(
  store: Pick<GovernancePorts['store'], 'readJournal' | 'appendJournal'>,
  runId: string,
  known: readonly PlacedJournalEntry[],
  entries: readonly JournalEntry[],
): Promise<boolean> {
  let journal = known;
  for (const entry of entries) {
    const appended = await appendAfter(store, runId, journal, entry);
    if (appended === null) return false;
    journal = appended;
  }
  return true;
}
