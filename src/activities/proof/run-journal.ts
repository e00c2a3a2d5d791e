import { PromptOsError } from '../../contracts/errors.js';
import type { Envelope } from '../../contracts/keys.js';
import { keepLast, oncePerObject } from '../../contracts/remember.js';
import {
  type JournalEntry,
  type JournalledMessage,
  journalBytes,
  type PlacedJournalEntry,
  parseJournalEntry,
  type VerifiedHead,
} from '../../contracts/run/journal.js';
import type { LedgerEntry } from '../../contracts/run/ledger.js';
import { ledgerHeadStatement } from '../../domain/attest/acts.js';
import { envelopeSha256 } from '../../domain/attest/envelope.js';
import type { ArtifactStore } from '../../ports/index.js';
import type { Signer } from '../../ports/signer.js';
import { signStatement } from './attest-attempt.js';

/** A journal as it was read last: an entry never changes, so only those behind it are read. */
interface ReadJournal {
  readonly entries: readonly PlacedJournalEntry[];
  /** Of all entries. */
  readonly bytes: number;
  readonly last: Uint8Array;
}
const MAX_READ = 64;
/** Bytes of a journal that is kept. */
const MAX_KEPT_BYTES = 1_024 * 1_024;

const readBefore = oncePerObject((_store: Pick<ArtifactStore, 'readJournal'>) => new Map<string, ReadJournal>());

/** A run's journal as it is now. @throws PromptOsError STORE_NOT_READABLE */
export async function readRunJournal(
  store: Pick<ArtifactStore, 'readJournal'>,
  runId: string,
): Promise<readonly PlacedJournalEntry[]> {
  const known = readBefore(store);
  const before = known.get(runId);
  if (before !== undefined) {
    // Another store may be in its place now, or none: then the last entry is another one or gone.
    const [last, ...more] = await store.readJournal(runId, before.entries.length - 1);
    if (last !== undefined && Buffer.compare(last, before.last) === 0) return keepRead(known, runId, before, more);
  }
  known.delete(runId);
  return keepRead(known, runId, { entries: [], bytes: 0 }, await store.readJournal(runId));
}

function keepRead(
  known: ReturnType<typeof readBefore>,
  runId: string,
  before: Omit<ReadJournal, 'last'>,
  more: readonly Uint8Array[],
): readonly PlacedJournalEntry[] {
  const last = more.at(-1);
  if (last === undefined) return before.entries;
  const entries = [
    ...before.entries,
    ...more.map((bytes, index) => ({ seq: before.entries.length + index, entry: parseJournalEntry(bytes) })),
  ];
  const bytes = more.reduce((sum, entry) => sum + entry.byteLength, before.bytes);
  if (bytes <= MAX_KEPT_BYTES) keepLast(known, runId, { entries, last, bytes }, MAX_READ);
  else known.delete(runId);
  return entries;
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
const journalled = (kind: JournalledMessage, envelope: Envelope): string => `${kind} ${envelopeSha256(envelope)}`;

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
