import { PromptOsError } from '../../contracts/errors.js';
import { type LedgerEntry, parseLedgerEntry } from '../../contracts/ledger.js';
import { ledgerLines } from '../../domain/ledger/ledger-chain.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import { readPublished } from '../published-run.js';

/** A published ledger, its shape checked. @throws PromptOsError LEDGER_BROKEN */
export async function readLedger(store: ReadableStore, runId: string): Promise<readonly LedgerEntry[]> {
  const text = (await readPublished(store, runId, TREE_PATHS.ledger)).toString('utf8');
  try {
    const entries = text
      .split('\n')
      .slice(0, -1)
      .map((line) => parseLedgerEntry(JSON.parse(line)));
    if (ledgerLines(entries) === text) return entries;
  } catch (error) {
    throw new PromptOsError('LEDGER_BROKEN', `The ledger of run ${runId} has another shape than expected.`, {
      cause: error,
    });
  }
  throw new PromptOsError('LEDGER_BROKEN', `The ledger of run ${runId} is not canonical JSON, one entry a line.`);
}
