import type { ListedRun } from '../client/client.js';
import { parseJournalEntry } from '../contracts/journal-bytes.js';
import { RUN_ID_PATTERN } from '../contracts/names.js';
import type { ArtifactStore } from '../ports/artifact-store.js';

/** What the engine would not begin: the execution failed, and the journal gives its run id to no run or to another one. */
export async function isRefusedStart(store: ArtifactStore, run: ListedRun): Promise<boolean> {
  if (run.status !== 'FAILED' || !RUN_ID_PATTERN.test(run.run_id)) return false;
  const entries = (await store.readJournal(run.run_id)).map(parseJournalEntry);
  const opened = entries.find((entry) => entry?.kind === 'opened');
  return opened?.kind !== 'opened' || opened.first_execution_run_id !== run.first_execution_run_id;
}
