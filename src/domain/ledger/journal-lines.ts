import { canonicalJson } from '../../contracts/json.js';
import type { PlacedJournalEntry } from '../../contracts/run/journal.js';

/** `evidence/journal/journal.jsonl`: one canonical JSON a line, in the order of the places; null for what was no entry. */
export const journalLines = (journal: readonly PlacedJournalEntry[]): string =>
  journal.map(({ seq, entry }) => `${canonicalJson({ seq, entry })}\n`).join('');
