import { z } from 'zod';
import type { LedgerReference } from '../contracts/activities.js';
import { canonicalJson } from '../contracts/canonical-json.js';
import { PromptOsError } from '../contracts/errors.js';
import { type LedgerEntry, type LedgerHead, parseLedgerEntry } from '../contracts/ledger.js';
import { counted } from '../contracts/sentences.js';
import { checkChain, EMPTY_LEDGER, headOf } from '../governance/ledger-chain.js';
import type { ArtifactStore } from '../ports/index.js';

/**
 * A run's whole ledger: the parts in the store, then the entries that came along; every link is checked.
 * @param known entries that this worker has checked before: of those, only that the ledger still begins with them is asked
 * @throws PromptOsError LEDGER_BROKEN; OBJECT_NOT_FOUND, OBJECT_CORRUPT for a part
 */
export async function readLedger(
  store: Pick<ArtifactStore, 'readObject'>,
  { segments, entries, head }: LedgerReference,
  known: readonly LedgerEntry[] = [],
): Promise<readonly LedgerEntry[]> {
  let seq = 0;
  const fresh: LedgerEntry[] = [];
  const take = (found: readonly LedgerEntry[]) => {
    for (const entry of found) {
      if (seq >= known.length) fresh.push(parsed(entry));
      else if (entry.hash !== known[seq]?.hash) throw broken(`entry ${seq} is another one than before`);
      seq += 1;
    }
  };
  for (const segment of segments) {
    // A part that was checked before is not read again.
    if (seq + segment.entries <= known.length) {
      seq += segment.entries;
      continue;
    }
    const lines = parseLines(await store.readObject(segment.sha256));
    if (lines.length !== segment.entries) {
      throw broken(`expected ${counted(segment.entries, 'entry')} in part ${segment.sha256}, found ${lines.length}`);
    }
    take(lines);
  }
  take(entries);
  const whole = [...known, ...fresh];
  if (seq < known.length) throw broken(`expected ${counted(known.length, 'entry')} or more, found ${seq}`);
  checkLeadsTo(fresh, known.length === 0 ? EMPTY_LEDGER : headOf(known), head);
  return whole;
}

/** @throws PromptOsError LEDGER_BROKEN unless the entries lead from one head to the other. */
function checkLeadsTo(entries: readonly LedgerEntry[], from: LedgerHead, to: LedgerHead): void {
  const chain = checkChain(entries, from);
  if (!chain.ok) throw broken(`at entry ${chain.seq}: ${chain.problem}`);
  if (chain.head.entries !== to.entries || chain.head.hash !== to.hash) {
    throw broken(
      `expected ${counted(to.entries, 'entry')} up to ${to.hash}, found ${chain.head.entries} up to ${chain.head.hash}`,
    );
  }
}

function parseLines(bytes: Uint8Array): LedgerEntry[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  if (lines.pop() !== '') throw broken('a part does not end with a newline');
  return lines.map((line) => {
    try {
      return JSON.parse(line) as LedgerEntry;
    } catch {
      throw broken('a part has a line that is not JSON');
    }
  });
}

function parsed(value: unknown): LedgerEntry {
  try {
    // However an entry came, its members are in the order of the store: what is made of it must not depend on the way.
    return parseLedgerEntry(JSON.parse(canonicalJson(value)));
  } catch (error) {
    throw error instanceof z.ZodError ? broken(`an entry has another shape: ${z.prettifyError(error)}`) : error;
  }
}

const broken = (problem: string): PromptOsError =>
  new PromptOsError('LEDGER_BROKEN', `The ledger is broken: ${problem}.`);
