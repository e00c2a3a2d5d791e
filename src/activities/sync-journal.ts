import type { LedgerSegment, SyncJournalInput, SyncJournalResult } from '../contracts/activities.js';
import type { PlacedJournalEntry } from '../contracts/journal.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { ENGINE } from '../contracts/names.js';
import { describeFork, type MissingEntry, missingEntries } from '../governance/journal.js';
import { ledgerLines } from '../governance/ledger-chain.js';
import { nextStep } from '../governance/next-step.js';
import type { GovernancePorts } from '../ports/index.js';
import { endJournal } from './end-journal.js';
import { engineSigner } from './engine-key.js';
import { headEntry } from './journal-head.js';
import { appendJudged, type JudgedJournal, unjournalled } from './run-journal.js';
import { requireTrustedByEngine } from './trusted-run.js';
import { journalledRun, notDue, type PrefixVerifier, type VerifiedPrefix } from './verify-prefix.js';

/** What asks: the engine vouches for a head only inside its own workflow task. */
export interface AskingExecution {
  readonly workflowId: string | undefined;
  readonly isLocal: boolean;
}

/**
 * Brings a run's ledger and its journal together before the run's next step: verifies the whole ledger, saves what is new
 * of it, journals signed messages that came past the clients, and signs the step that is due. With a fork it signs nothing
 * and says what is missing. A closed run's journal is ended.
 * @throws PromptOsError STEP_NOT_DUE, FORK, LEDGER_BROKEN, POLICY_NOT_TRUSTED, ENGINE_KEY_MISSING, and what the store
 *   fails with
 */
export async function syncJournal(
  ports: Pick<GovernancePorts, 'store' | 'signers' | 'trust'>,
  verifier: PrefixVerifier,
  input: SyncJournalInput,
  { workflowId, isLocal }: AskingExecution,
): Promise<SyncJournalResult> {
  if (!isLocal) throw notDue('the engine signs a head only for its own workflow, by a local activity');
  const { store, signers } = ports;
  const { run_id, ledger, purpose, gate, attempt } = input;
  const prefix = await verifier.verify(run_id, workflowId, ledger);
  await requireTrustedByEngine(ports, prefix);
  const { entries, opening } = prefix;
  requireDue(prefix, input);
  const segment = await saveEntries(store, ledger.entries);
  if (purpose === 'end') {
    await endJournal({ store, signers }, prefix);
    return { segment, fork: null };
  }
  if (opening.type === 'openingFailed') throw notDue('the run was not opened');
  const { entries: length, hash } = ledger.head;
  const signed =
    purpose === 'save'
      ? []
      : [
          await headEntry(
            { run_id, by: ENGINE, purpose, gate, attempt, entries: length, hash },
            engineSigner({ signers }, prefix.policy, entries.at(-1)?.at ?? opening.at),
          ),
        ];
  const judge = async (journal: readonly PlacedJournalEntry[]): Promise<JudgedJournal<SyncJournalResult['fork']>> => {
    const missing = missingEntries(journalledRun(run_id, opening.plan), journal, entries, prefix.accepted);
    const came = unjournalled(journal, entries);
    if (missing.length === 0) return { entries: [...came, ...signed], result: null };
    // What came past the clients is journalled with a fork too: it must not be lost to another Reset.
    return { entries: came, result: foundFork(missing, journal.length, entries.length) };
  };
  return { segment, fork: await appendJudged(store, run_id, judge, prefix.journal) };
}

const foundFork = (
  missing: readonly MissingEntry[],
  journalEntries: number,
  ledgerEntries: number,
): SyncJournalResult['fork'] => ({
  fork: describeFork(missing, journalEntries, ledgerEntries),
  missing: missing.map(({ what }) => what),
  may_arrive: missing.every(({ kind }) => kind === 'message'),
});

/**
 * The gate that the head is signed for is the run's next step, a run closes only when nothing else is to do, and only a
 * closed run has an end.
 */
function requireDue({ replay: { state } }: VerifiedPrefix, { purpose, gate, attempt }: SyncJournalInput): void {
  if (purpose === 'end' && state.phase !== 'closed') throw notDue(`the run is ${state.phase}`);
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
