import { type JournalEntry, journalEntrySchema } from './journal.js';
import { canonicalJson, readJsonAs } from './json.js';

/** A journal's entry as the store has it: canonical JSON in UTF-8. */
export const journalBytes = (entry: JournalEntry): Uint8Array => new TextEncoder().encode(canonicalJson(entry));

/** An entry as it was read, or null for what has not its shape: a writer to the store can put anything there. */
export const parseJournalEntry = (bytes: Uint8Array): JournalEntry | null => readJsonAs(journalEntrySchema, bytes);
