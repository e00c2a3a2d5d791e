import { canonicalJson } from '../contracts/canonical-json.js';
import { journalEntrySchema, type PlacedJournalEntry } from '../contracts/journal.js';
import { parseJson } from './parse-json.js';
import { strictText } from './strict-json.js';
import { VerifyFailure } from './verify-codes.js';

/**
 * A published journal: JSON Lines in canonical form, the places without a gap.
 * @throws VerifyFailure JOURNAL_FORM
 */
export function readJournal(bytes: Uint8Array, path: string): readonly PlacedJournalEntry[] {
  const lines = strictText(bytes, path).split('\n');
  if (lines.pop() !== '') {
    throw new VerifyFailure('JOURNAL_FORM', {
      path,
      expected: 'a newline at the end',
      found: 'a line that is cut off',
    });
  }
  return lines.map((line, seq) => readPlaced(line, seq, `${path}:${seq + 1}`));
}

function readPlaced(line: string, seq: number, path: string): PlacedJournalEntry {
  const malformed = (expected: string, found: string) => new VerifyFailure('JOURNAL_FORM', { path, expected, found });
  const value = parseJson(line, path);
  if (canonical(value) !== line) throw malformed('canonical JSON', 'JSON that is written another way');
  const { seq: place, entry, ...more } = value as { seq?: unknown; entry?: unknown };
  if (place !== seq || entry === undefined || Object.keys(more).length > 0) {
    throw malformed(`the entry of place ${seq}`, `place ${String(place)}`);
  }
  if (entry === null) return { seq, entry: null };
  if (!journalEntrySchema.safeParse(entry).success) throw malformed('an entry of the journal', 'another shape');
  // As it is written, not as the schema would rewrite it: digests are about what was written.
  return { seq, entry: entry as PlacedJournalEntry['entry'] };
}

function canonical(value: unknown): string | null {
  try {
    return canonicalJson(value);
  } catch {
    return null;
  }
}
