import { ENGINE } from '../../contracts/names.js';
import type { LedgerSegment, SyncJournalInput, SyncJournalResult } from '../../contracts/run/activities.js';
import type { PlacedJournalEntry, VerifiedHead } from '../../contracts/run/journal.js';
import type { LedgerEntry } from '../../contracts/run/ledger.js';
import { closingOf } from '../../domain/ledger/closed-ledger.js';
import { describeFork, type MissingEntry, missingEntries } from '../../domain/ledger/journal.js';
import { headOf, ledgerLines } from '../../domain/ledger/ledger-chain.js';
import { nextStep } from '../../domain/run/next-step.js';
import type { GovernancePorts } from '../../ports/index.js';
import { engineSigner } from '../documents/engine-key.js';
import { appendJudged, headEntry, type JudgedJournal, unjournalled } from './run-journal.js';
import { requireTrustedByEngine } from './trusted-run.js';
import {
  engineHeadsOf,
  journalledRun,
  notDue,
  type PrefixVerifier,
  refuseFork,
  type VerifiedPrefix,
} from './verify-prefix.js';

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

const isEnd = ({ purpose }: VerifiedHead): boolean => purpose === 'end';
const isPermit = ({ purpose }: VerifiedHead): boolean => purpose === 'close';

/**
 * Signs the end of a closed run's journal, once, behind signed messages that came past the clients. A run closes as
 * approved only if the engine signed before that the journal held nothing against it; what came later is late, and is shown.
 * @throws PromptOsError STEP_NOT_DUE, FORK, ENGINE_KEY_MISSING, and what the store fails with
 */
export async function endJournal(
  { store, signers }: Pick<GovernancePorts, 'store' | 'signers'>,
  prefix: VerifiedPrefix,
): Promise<void> {
  const { entries, opening, policy } = prefix;
  const { outcome, at } = closingOf(entries);
  const { run_id } = opening.run;
  if (outcome === 'approved') {
    const permit = engineHeadsOf(prefix, prefix.journal, isPermit).at(-1);
    if (permit === undefined) throw notDue('the engine has not signed that the run closes as approved');
    refuseFork(prefix, permit.seq);
  }
  const { entries: length, hash } = headOf(entries);
  const last = { run_id, by: ENGINE, purpose: 'end', gate: null, attempt: 0, entries: length, hash } as const;
  const judge = async (journal: readonly PlacedJournalEntry[]): Promise<JudgedJournal<void>> => {
    if (engineHeadsOf(prefix, journal, isEnd).length > 0) return { entries: [], result: undefined };
    const end = await headEntry(last, engineSigner({ signers }, policy, at));
    return { entries: [...unjournalled(journal, entries), end], result: undefined };
  };
  await appendJudged(store, run_id, judge, prefix.journal);
}

/**
 * A closed run's journal up to the end that the engine signed within the run's own workflow. What merely asks for a record
 * to be published cannot make up how the run ended.
 * @throws PromptOsError STEP_NOT_DUE
 */
export function endedJournal(prefix: VerifiedPrefix): readonly PlacedJournalEntry[] {
  const [end] = engineHeadsOf(prefix, prefix.journal, isEnd);
  if (end === undefined) throw notDue('the engine has not signed that the run ended so');
  return prefix.journal.slice(0, end.seq + 1);
}
