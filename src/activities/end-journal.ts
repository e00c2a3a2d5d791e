import { PromptOsError } from '../contracts/errors.js';
import type { PlacedJournalEntry } from '../contracts/journal.js';
import { ENGINE } from '../contracts/names.js';
import { engineHeads } from '../governance/journal.js';
import { headOf } from '../governance/ledger-chain.js';
import { closingOf } from '../governance/ledger-ends.js';
import type { GovernancePorts } from '../ports/index.js';
import { engineSigner } from './engine-key.js';
import { headEntry } from './journal-head.js';
import { readRunJournal } from './run-journal.js';
import { appendAll, unjournalled } from './sync-journal.js';
import { journalledRun, notDue, refuseFork, type VerifiedPrefix } from './verify-prefix.js';

/** Times that the journal's end is tried anew because somebody appended to it meanwhile. */
const END_ROUNDS = 100;

/**
 * Ends a closed run's journal and gives it up to that end, the same however often it is asked. A run closed as approved
 * only if the engine signed before that the journal held nothing against it; what came later is late, and is shown.
 * @throws PromptOsError STEP_NOT_DUE, FORK, LEDGER_BROKEN, ENGINE_KEY_MISSING, and what the store fails with
 */
export async function endJournal(
  { store, signers }: Pick<GovernancePorts, 'store' | 'signers'>,
  prefix: VerifiedPrefix,
): Promise<readonly PlacedJournalEntry[]> {
  const { entries, opening, policy } = prefix;
  const { outcome, at } = closingOf(entries);
  const runId = opening.run.run_id;
  if (opening.type === 'openingFailed') {
    return prefix.journal.slice(0, prefix.journal.findIndex(({ entry }) => entry?.kind === 'opened') + 1);
  }
  const run = journalledRun(runId, opening.plan);
  if (outcome === 'approved') {
    const permit = engineHeads(run, prefix.journal, entries, ({ purpose }) => purpose === 'close').at(-1);
    if (permit === undefined) throw notDue('the engine has not signed that the run closes as approved');
    refuseFork(prefix, permit.seq);
  }
  const { entries: length, hash } = headOf(entries);
  const last = { run_id: runId, by: ENGINE, purpose: 'end', gate: null, attempt: 0, entries: length, hash } as const;
  let { journal } = prefix;
  for (let round = 0; round < END_ROUNDS; round += 1) {
    const end = engineHeads(run, journal, entries, ({ purpose }) => purpose === 'end')[0];
    if (end !== undefined) return journal.slice(0, end.seq + 1);
    const entry = await headEntry(last, engineSigner({ signers }, policy, at));
    await appendAll(store, runId, journal, [...unjournalled(journal, entries), entry]);
    journal = await readRunJournal(store, runId);
  }
  throw new PromptOsError('STORE_NOT_WRITABLE', `The journal of ${runId} could not be ended.`);
}
