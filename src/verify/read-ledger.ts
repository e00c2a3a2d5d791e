import { z } from 'zod';
import { canonicalJson } from '../contracts/canonical-json.js';
import { type LedgerEntry, parseLedgerEntry } from '../contracts/ledger.js';
import { checkChain, EMPTY_LEDGER } from '../governance/ledger-chain.js';
import { strictText } from './strict-json.js';
import { VerifyFailure } from './verify-codes.js';

/** Milliseconds that the ledger may go back: the hosts of a server may differ by some, and a run may change hosts. */
const CLOCK_SKEW_MS = 60_000;

/**
 * A published ledger: JSON Lines in canonical form, every entry one that the engine writes, the chain whole, an opening
 * first and a closing last, and time that goes on.
 * @throws VerifyFailure LEDGER_FORM, LEDGER_SHAPE, LEDGER_BROKEN, LEDGER_ENDS, LEDGER_TIME
 */
export function readLedger(bytes: Uint8Array, path: string): readonly LedgerEntry[] {
  const lines = strictText(bytes, path).split('\n');
  if (lines.pop() !== '') {
    throw new VerifyFailure('LEDGER_FORM', { path, expected: 'a newline at the end', found: 'a line that is cut off' });
  }
  const entries = lines.map((line, index) => readEntry(line, `${path}:${index + 1}`));
  const chain = checkChain(entries, EMPTY_LEDGER);
  if (!chain.ok) {
    throw new VerifyFailure('LEDGER_BROKEN', {
      path: `${path}:${chain.seq + 1}`,
      expected: 'an entry that follows the one before',
      found: chain.problem,
    });
  }
  checkEnds(entries, path);
  checkTime(entries, path);
  return entries;
}

function readEntry(line: string, at: string): LedgerEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new VerifyFailure('LEDGER_FORM', { path: at, expected: 'canonical JSON', found: 'no JSON' });
  }
  if (canonical(value) !== line) {
    throw new VerifyFailure('LEDGER_FORM', {
      path: at,
      expected: 'canonical JSON',
      found: 'JSON that is written another way',
    });
  }
  try {
    return parseLedgerEntry(value);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    throw new VerifyFailure('LEDGER_SHAPE', {
      path: at,
      expected: 'an entry that the engine writes',
      found: `${issue?.path.join('.') || 'entry'}: ${issue?.message ?? 'another shape'}`,
    });
  }
}

function canonical(value: unknown): string | null {
  try {
    return canonicalJson(value);
  } catch {
    return null;
  }
}

function checkEnds(entries: readonly LedgerEntry[], path: string): void {
  const ends = (at: number, expected: string) =>
    new VerifyFailure('LEDGER_ENDS', { path, expected, found: entries.at(at)?.type ?? 'nothing' });
  const first = entries[0]?.type;
  if (first !== 'runOpened' && first !== 'openingFailed') throw ends(0, 'runOpened or openingFailed first');
  if (entries.at(-1)?.type !== 'runClosed') throw ends(-1, 'runClosed last');
}

function checkTime(entries: readonly LedgerEntry[], path: string): void {
  let latest = Number.NEGATIVE_INFINITY;
  for (const [index, { at }] of entries.entries()) {
    const now = Date.parse(at);
    if (!(now >= latest - CLOCK_SKEW_MS)) {
      throw new VerifyFailure('LEDGER_TIME', {
        path: `${path}:${index + 1}`,
        expected: `not before ${new Date(latest).toISOString()}`,
        found: at,
      });
    }
    latest = Math.max(latest, now);
  }
}
