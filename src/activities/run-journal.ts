import { PromptOsError } from '../contracts/errors.js';
import {
  type JournalEntry,
  type JournalledMessage,
  journalBytes,
  type PlacedJournalEntry,
  parseJournalEntry,
  type VerifiedHead,
} from '../contracts/journal.js';
import type { Envelope } from '../contracts/keys.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { ledgerHeadStatement } from '../domain/attest/acts.js';
import { messageSha256 } from '../domain/ledger/replay-ledger.js';
import type { ArtifactStore } from '../ports/index.js';
import type { Signer } from '../ports/signer.js';
import { signStatement } from './attest-attempt.js';

/** A run's journal as it is now. @throws PromptOsError STORE_NOT_READABLE */
export async function readRunJournal(
  store: Pick<ArtifactStore, 'readJournal'>,
  runId: string,
): Promise<readonly PlacedJournalEntry[]> {
  return (await store.readJournal(runId)).map((bytes, seq) => ({ seq, entry: parseJournalEntry(bytes) }));
}

/** Signed messages of the ledger that no client journalled: they came through the Web UI or Temporal's command line. */
export function unjournalled(
  journal: readonly PlacedJournalEntry[],
  entries: readonly LedgerEntry[],
): readonly JournalEntry[] {
  const known = new Set(
    journal.flatMap(({ entry }) => (entry?.kind === 'message' ? [journalled(entry.message, entry.envelope)] : [])),
  );
  const message = (kind: JournalledMessage, envelope: Envelope | null): JournalEntry[] =>
    envelope === null || known.has(journalled(kind, envelope)) ? [] : [{ kind: 'message', message: kind, envelope }];
  return entries.flatMap((entry) => {
    if (entry.type === 'decisionCounted') return message('decision', entry.envelope);
    if (entry.type === 'escalationResolved') return message('resolution', entry.envelope);
    if (entry.type === 'cancellationCounted') return message('cancellation', entry.envelope);
    return entry.type === 'escalationOpened' ? message('escalation', entry.envelope) : [];
  });
}

/** Journalled as another kind, a message is passed over: a writer to the store could hide it so. */
const journalled = (kind: JournalledMessage, envelope: Envelope): string => `${kind} ${messageSha256(envelope)}`;

/** What follows from a journal: entries to append, which may be none, and what the caller wants to know. */
export interface JudgedJournal<T> {
  readonly entries: readonly JournalEntry[];
  readonly result: T;
}

/** Times that a journal is judged again because others appended to it meanwhile. */
const ROUNDS = 100;

/**
 * Judges a run's journal and appends what follows from it. When others append meanwhile, it is judged again: nothing is
 * written behind entries that the caller has not seen.
 * @param known the journal, where the caller has read it already
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_NOT_READABLE, and what `judge` throws
 */
export async function appendJudged<T>(
  store: Pick<ArtifactStore, 'readJournal' | 'appendJournal'>,
  runId: string,
  judge: (journal: readonly PlacedJournalEntry[]) => Promise<JudgedJournal<T>>,
  known?: readonly PlacedJournalEntry[],
): Promise<T> {
  let journal = known ?? (await readRunJournal(store, runId));
  for (let round = 0; round < ROUNDS; round += 1) {
    const { entries, result } = await judge(journal);
    if (await appendBehind(store, runId, journal.length, entries)) return result;
    journal = await readRunJournal(store, runId);
  }
  throw new PromptOsError('STORE_NOT_WRITABLE', `The journal of ${runId} grew faster than it could be judged.`);
}

/** @param length entries that the journal must have @returns false when it has more */
async function appendBehind(
  store: Pick<ArtifactStore, 'appendJournal'>,
  runId: string,
  length: number,
  entries: readonly JournalEntry[],
): Promise<boolean> {
  for (const [index, entry] of entries.entries()) {
    if (!(await store.appendJournal(runId, journalBytes(entry), length + index))) return false;
  }
  return true;
}

/** A verified head as the journal has it, signed where there is a key. @throws what the signer throws */
export async function headEntry(head: VerifiedHead, signer: Signer | null): Promise<JournalEntry> {
  return {
    kind: 'head',
    head,
    envelope: signer === null ? null : await signStatement(ledgerHeadStatement(head), signer),
  };
}
