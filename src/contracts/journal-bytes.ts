import { type JournalEntry, journalEntrySchema } from './journal.js';
import { canonicalJson } from './json.js';

/** A journal's entry as the store has it: canonical JSON in UTF-8. */
export const journalBytes = (entry: JournalEntry): Uint8Array => new TextEncoder().encode(canonicalJson(entry));

/** An entry as it was read, or null for what has not its shape: whoever can write to the store can put anything there. */
export function parseJournalEntry(bytes: Uint8Array): JournalEntry | null {
  try {
    return journalEntrySchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
