import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalOrNull } from '../contracts/json.js';
import type { AttemptRecord } from '../contracts/record/attempt.js';
import { journalEntrySchema, type PlacedJournalEntry } from '../contracts/run/journal.js';
import { type LedgerEntry, parseLedgerEntry } from '../contracts/run/ledger.js';
import { problemText } from '../contracts/schema-problems.js';
import { checkChain, EMPTY_LEDGER } from '../domain/ledger/ledger-chain.js';
import { type Replay, type ReplayEvidence, replayLedger } from '../domain/ledger/replay-ledger.js';
import { firstDifference } from './first-difference.js';
import { MAX_LEDGER_ENTRIES, MAX_LEDGER_LINE_BYTES } from './limits.js';
import { parseBoundedJson, strictText } from './parse-json.js';
import { VerifyFailure } from './verify-codes.js';

/** Milliseconds that the ledger may go back: the hosts of a server may differ by some, and a run may change hosts. */
const CLOCK_SKEW_MS = 60_000;

/** A ledger that was read, and the SHA-256 of its bytes. */
export interface ReadLedger {
  readonly entries: readonly LedgerEntry[];
  readonly sha256: string;
}

/**
 * A published ledger: JSON Lines in canonical form, every entry one that the engine writes, the chain whole, an opening
 * first and a closing last, and time that goes on. It is read line by line, so that the first bad line ends it.
 * @throws VerifyFailure LEDGER_FORM, LEDGER_SHAPE, LEDGER_BROKEN, LEDGER_ENDS, LEDGER_TIME, FILE_TOO_LARGE, JSON_TOO_LARGE
 */
export async function readLedger(chunks: AsyncIterable<Uint8Array>, path: string): Promise<ReadLedger> {
  const hash = createHash('sha256');
  const entries: LedgerEntry[] = [];
  for await (const line of linesOf(chunks, (chunk) => hash.update(chunk), path)) {
    if (entries.length === MAX_LEDGER_ENTRIES) {
      throw new VerifyFailure('FILE_TOO_LARGE', path, `at most ${MAX_LEDGER_ENTRIES} entries`, 'more entries');
    }
    entries.push(readEntry(line, `${path}:${entries.length + 1}`));
  }
  const chain = checkChain(entries, EMPTY_LEDGER);
  if (!chain.ok) {
    throw new VerifyFailure(
      'LEDGER_BROKEN',
      `${path}:${chain.seq + 1}`,
      'an entry that follows the one before',
      chain.problem,
    );
  }
  checkEnds(entries, path);
  checkTime(entries, path);
  return { entries, sha256: hash.digest('hex') };
}

const NEWLINE = 0x0a;

/** The lines of a stream, each ended by a newline. */
async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  see: (chunk: Uint8Array) => void,
  path: string,
): AsyncGenerator<string, void, undefined> {
  let number = 1;
  let begun: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array): void => {
    length += part.byteLength;
    if (length > MAX_LEDGER_LINE_BYTES) {
      throw new VerifyFailure(
        'LEDGER_FORM',
        `${path}:${number}`,
        `a line of at most ${MAX_LEDGER_LINE_BYTES} bytes`,
        'a longer one',
      );
    }
    begun.push(part);
  };
  for await (const chunk of chunks) {
    see(chunk);
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      yield strictText(Buffer.concat(begun), `${path}:${number}`);
      [begun, length, number, from] = [[], 0, number + 1, end + 1];
    }
    if (from < chunk.byteLength) add(chunk.subarray(from));
  }
  if (length > 0) {
    throw new VerifyFailure('LEDGER_FORM', path, 'a newline at the end', 'a line that is cut off');
  }
}

function readEntry(line: string, at: string): LedgerEntry {
  const value = parseLine(line, at);
  if (canonicalOrNull(value) !== line) {
    throw new VerifyFailure('LEDGER_FORM', at, 'canonical JSON', 'JSON that is written another way');
  }
  try {
    return parseLedgerEntry(value);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    throw new VerifyFailure(
      'LEDGER_SHAPE',
      at,
      'an entry that the engine writes',
      issue === undefined ? 'another shape' : problemText(issue, 'entry'),
    );
  }
}

function parseLine(line: string, at: string): unknown {
  try {
    return parseBoundedJson(line, at);
  } catch (error) {
    if (error instanceof VerifyFailure && error.code !== 'JSON_MALFORMED') throw error;
    throw new VerifyFailure('LEDGER_FORM', at, 'canonical JSON', 'no JSON');
  }
}

function checkEnds(entries: readonly LedgerEntry[], path: string): void {
  const ends = (at: number, expected: string) =>
    new VerifyFailure('LEDGER_ENDS', path, expected, entries.at(at)?.type ?? 'nothing');
  const first = entries[0]?.type;
  if (first !== 'runOpened' && first !== 'openingFailed') throw ends(0, 'runOpened or openingFailed first');
  if (entries.at(-1)?.type !== 'runClosed') throw ends(-1, 'runClosed last');
}

function checkTime(entries: readonly LedgerEntry[], path: string): void {
  let latest = Number.NEGATIVE_INFINITY;
  for (const [index, { at }] of entries.entries()) {
    const now = Date.parse(at);
    if (!(now >= latest - CLOCK_SKEW_MS)) {
      throw new VerifyFailure(
        'LEDGER_TIME',
        `${path}:${index + 1}`,
        `not before ${new Date(latest).toISOString()}`,
        at,
      );
    }
    latest = Math.max(latest, now);
  }
}

/**
 * A published journal: JSON Lines in canonical form, the places without a gap.
 * @throws VerifyFailure JOURNAL_FORM
 */
export function readJournal(bytes: Uint8Array, path: string): readonly PlacedJournalEntry[] {
  const lines = strictText(bytes, path).split('\n');
  if (lines.pop() !== '') {
    throw new VerifyFailure('JOURNAL_FORM', path, 'a newline at the end', 'a line that is cut off');
  }
  return lines.map((line, seq) => readPlaced(line, seq, `${path}:${seq + 1}`));
}

function readPlaced(line: string, seq: number, path: string): PlacedJournalEntry {
  const malformed = (expected: string, found: string) => new VerifyFailure('JOURNAL_FORM', path, expected, found);
  const value = parseBoundedJson(line, path);
  if (canonicalOrNull(value) !== line) throw malformed('canonical JSON', 'JSON that is written another way');
  const { seq: place, entry, ...more } = value as { seq?: unknown; entry?: unknown };
  if (place !== seq || entry === undefined || Object.keys(more).length > 0) {
    throw malformed(`the entry of place ${seq}`, `place ${String(place)}`);
  }
  if (entry === null) return { seq, entry: null };
  if (!journalEntrySchema.safeParse(entry).success) throw malformed('an entry of the journal', 'another shape');
  // As it is written, not as the schema would rewrite it: digests are about what was written.
  return { seq, entry: entry as PlacedJournalEntry['entry'] };
}

/**
 * The ledger of a tree once more through the domain.
 * @param attempts records of attempts by digest: what they escalated is in them
 * @throws VerifyFailure FOLD_DIFFERS, DECISION_REFUSED, RESOLUTION_REFUSED, ESCALATION_REFUSED, ATTESTATION_REFUSED
 */
export function replayTree(
  entries: readonly LedgerEntry[],
  attempts: ReadonlyMap<string, AttemptRecord>,
  signedMessage: ReplayEvidence['signedMessage'],
  path: string,
): Replay {
  const replayed = replayLedger(entries, {
    escalationOf: (sha256) => attempts.get(sha256)?.escalation ?? null,
    signedMessage,
  });
  if (replayed.ok) return replayed;
  const { code, seq, expected, found } = replayed;
  const place = `${path}:${seq + 1}`;
  if (typeof expected === 'string') {
    throw new VerifyFailure(code, place, expected, String(found));
  }
  const difference = firstDifference(expected, found);
  throw new VerifyFailure(
    code,
    place,
    `${expected.type} ${difference?.at ?? ''}: ${difference?.expected ?? ''}`,
    `${(found as { type?: string } | undefined)?.type ?? 'nothing'}: ${difference?.found ?? ''}`,
  );
}
