import type { Client } from '@temporalio/client';
import { runWorkflowId } from '../contracts/names.js';
import type { LedgerReference } from '../contracts/run/activities.js';
import { parseLedgerLines } from '../contracts/run/ledger.js';
import { EMPTY_LEDGER, headOf } from '../domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { handOffSignal } from '../workflows/messages.js';
import { asRunFailure } from './failures.js';
import { readRecordedRun } from './ledger.js';

/** What whoever does a gate elsewhere asks of its run. Temporal's server answers alone: no worker has to be there. */
export const createHandedOffRuns = (client: Client, store: Pick<ArtifactStore, 'readObject'>) => ({
  /**
   * The ledger as far as the engine has saved it: a run that has handed a gate off has saved all up to there.
   * @throws PromptOsError RUN_NOT_FOUND, OBJECT_NOT_FOUND, OBJECT_CORRUPT, TEMPORAL_FAILED
   */
  async ledger(runId: string): Promise<LedgerReference> {
    const { segments } = await readRecordedRun(client, runId).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
    const parts = await Promise.all(segments.map(({ sha256 }) => store.readObject(sha256)));
    const entries = parts.flatMap((part) => parseLedgerLines(part));
    return { segments: [], entries, head: entries.length === 0 ? EMPTY_LEDGER : headOf(entries) };
  },
  /** Says that the journal has something new. @throws PromptOsError RUN_NOT_FOUND, TEMPORAL_FAILED */
  async lookAgain(runId: string): Promise<void> {
    const run = client.workflow.getHandle(runWorkflowId(runId));
    await run.signal(handOffSignal).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
  },
});
