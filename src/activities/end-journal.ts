import type { PlacedJournalEntry, VerifiedHead } from '../contracts/journal.js';
import { ENGINE } from '../contracts/names.js';
import { headOf } from '../governance/ledger-chain.js';
import { closingOf } from '../governance/ledger-ends.js';
import type { GovernancePorts } from '../ports/index.js';
import { engineSigner } from './engine-key.js';
import { headEntry } from './journal-head.js';
import { appendJudged, type JudgedJournal, unjournalled } from './run-journal.js';
import { engineHeadsOf, notDue, refuseFork, type VerifiedPrefix } from './verify-prefix.js';

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
