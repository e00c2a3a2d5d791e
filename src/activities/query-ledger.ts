import type { Context } from '@temporalio/activity';
import { PromptOsError } from '../contracts/errors.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { ledgerQuery } from '../workflows/messages.js';

/**
 * Asks the run that called the activity for its ledger. A worker that shuts down meanwhile fails the query, which
 * stays retryable.
 * @throws PromptOsError INTERNAL when no workflow called the activity
 */
export async function queryOwnLedger({ client, info }: Context): Promise<readonly LedgerEntry[]> {
  const execution = info.workflowExecution;
  if (execution === undefined) throw new PromptOsError('INTERNAL', 'Expected to be called by a governed run.');
  return client.workflow.getHandle(execution.workflowId, execution.runId).query(ledgerQuery);
}
