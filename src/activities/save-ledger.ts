import type { LedgerSegment, SaveLedgerInput } from '../contracts/activities.js';
import { EMPTY_LEDGER, ledgerLines } from '../governance/ledger-chain.js';
import type { GovernancePorts } from '../ports/index.js';
import { checkLeadsTo, type ReadLedger } from './run-ledger.js';

/**
 * Puts a part of the ledger into the store as JSON Lines, before the run continues as new without it. The same input
 * gives the same object.
 */
export function createSaveLedger(
  { store }: Pick<GovernancePorts, 'store'>,
  readLedger: ReadLedger,
): (input: SaveLedgerInput) => Promise<LedgerSegment> {
  return async ({ from, head }) => {
    const entries = (await readLedger()).filter(({ seq }) => seq >= from && seq < head.entries);
    // The hash before the first entry is not known here; finalisation checks that the segments join.
    const before = from === 0 ? EMPTY_LEDGER : { entries: from, hash: entries[0]?.prev ?? head.hash };
    checkLeadsTo(entries, before, head);
    const { sha256 } = await store.putObject(Buffer.from(ledgerLines(entries)));
    return { sha256, entries: entries.length };
  };
}
