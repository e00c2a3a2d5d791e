import { type JournalEntry, journalEntrySchema, type PlacedJournalEntry } from '../contracts/journal.js';
import { journalBytes } from '../contracts/journal-bytes.js';
import type { ArtifactStore } from '../ports/index.js';

/** An entry as it was read, or null for what has not its shape: whoever can write to the store can put anything there. */
function parseEntry(bytes: Uint8Array): JournalEntry | null {
  try {
    return journalEntrySchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

/** A run's journal as it is now. @throws PromptOsError STORE_NOT_READABLE */
export async function readRunJournal(
  store: Pick<ArtifactStore, 'readJournal'>,
  runId: string,
): Promise<readonly PlacedJournalEntry[]> {
  return (await store.readJournal(runId)).map((bytes, seq) => ({ seq, entry: parseEntry(bytes) }));
}

/**
 * Appends an entry behind all others.
 * @param known the journal as the caller judged it: when somebody appended meanwhile, nothing is written
 * @returns the journal with the entry, or null when it must be judged anew
 */
export async function appendAfter(
  store: Pick<ArtifactStore, 'appendJournal'>,
  runId: string,
  known: readonly PlacedJournalEntry[],
  entry: JournalEntry,
): Promise<readonly PlacedJournalEntry[] | null> {
  const seq = known.length;
  const appended = await store.appendJournal(runId, journalBytes(entry), seq);
  return appended ? [...known, { seq, entry }] : null;
}
