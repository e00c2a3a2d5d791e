import { canonicalJson } from './canonical-json.js';
import type { JournalEntry } from './journal.js';

/** A journal's entry as the store has it: canonical JSON in UTF-8. */
export const journalBytes = (entry: JournalEntry): Uint8Array => new TextEncoder().encode(canonicalJson(entry));
