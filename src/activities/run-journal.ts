import type { JournalEntry, PlacedJournalEntry } from '../contracts/journal.js';
import { journalBytes, parseJournalEntry } from '../contracts/journal-bytes.js';
import type { Envelope } from '../contracts/keys.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { messageSha256 } from '../governance/replay-ledger.js';
import type { ArtifactStore } from '../ports/index.js';

/** A run's journal as it is now. @throws PromptOsError STORE_NOT_READABLE */
export async function readRunJournal(
  store: Pick<ArtifactStore, 'readJournal'>,
  runId: string,
): Promise<readonly PlacedJournalEntry[]> {
  return (await store.readJournal(runId)).map((bytes, seq) => ({ seq, entry: parseJournalEntry(bytes) }));
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

/** Signed messages of the ledger that no client journalled: they came through the Web UI or Temporal's command line. */
export function unjournalled(
  journal: readonly PlacedJournalEntry[],
  entries: readonly LedgerEntry[],
): readonly JournalEntry[] {
  const known = new Set(
    journal.flatMap(({ entry }) => (entry?.kind === 'message' ? [messageSha256(entry.envelope)] : [])),
  );
  const message = (kind: 'decision' | 'resolution' | 'escalation', envelope: Envelope | null): JournalEntry[] =>
    envelope === null || known.has(messageSha256(envelope)) ? [] : [{ kind: 'message', message: kind, envelope }];
  return entries.flatMap((entry) => {
    if (entry.type === 'decisionCounted') return message('decision', entry.envelope);
    if (entry.type === 'escalationResolved') return message('resolution', entry.envelope);
    return entry.type === 'escalationOpened' ? message('escalation', entry.envelope) : [];
  });
}

/** Appends entries behind those that the caller judged. @returns false when something else was appended first */
export async function appendAll(
  store: Pick<ArtifactStore, 'appendJournal'>,
  runId: string,
  known: readonly PlacedJournalEntry[],
  entries: readonly JournalEntry[],
): Promise<boolean> {
  let journal = known;
  for (const entry of entries) {
    const appended = await appendAfter(store, runId, journal, entry);
    if (appended === null) return false;
    journal = appended;
  }
  return true;
}
