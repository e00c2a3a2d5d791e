import { z } from 'zod';
import type { LedgerSegment } from '../contracts/activities.js';
import { PromptOsError } from '../contracts/errors.js';
import { type LedgerEntry, type LedgerHead, parseLedgerEntry } from '../contracts/ledger.js';
import { checkChain, EMPTY_LEDGER } from '../governance/ledger-chain.js';
import type { ArtifactStore } from '../ports/index.js';

/**
 * Reads the entries that the run's current execution holds. What goes wrong on the way there, such as a worker that shuts
 * down while it is asked, comes through as it is, so that Temporal tries again.
 */
export type ReadLedger = () => Promise<readonly LedgerEntry[]>;

/**
 * The whole ledger up to `head`: the saved segments, then what the current execution holds; every link checked.
 * @throws PromptOsError LEDGER_BROKEN; OBJECT_NOT_FOUND, OBJECT_CORRUPT for a segment
 */
export async function readWholeLedger(
  store: ArtifactStore,
  readLedger: ReadLedger,
  { segments, head }: { readonly segments: readonly LedgerSegment[]; readonly head: LedgerHead },
): Promise<readonly LedgerEntry[]> {
  const saved: LedgerEntry[] = [];
  for (const segment of segments) {
    const entries = parseLines(await store.readObject(segment.sha256));
    if (entries.length !== segment.entries) {
      throw broken(`expected ${segment.entries} entries in segment ${segment.sha256}, found ${entries.length}`);
    }
    saved.push(...entries);
  }
  const current = (await readLedger()).filter(({ seq }) => seq >= saved.length && seq < head.entries);
  const entries = [...saved, ...current.map(parsed)];
  checkLeadsTo(entries, EMPTY_LEDGER, head);
  return entries;
}

/** @throws PromptOsError LEDGER_BROKEN unless the entries lead from one head to the other. */
export function checkLeadsTo(entries: readonly LedgerEntry[], from: LedgerHead, to: LedgerHead): void {
  const chain = checkChain(entries, from);
  if (!chain.ok) throw broken(`at entry ${chain.seq}: ${chain.problem}`);
  if (chain.head.entries !== to.entries || chain.head.hash !== to.hash) {
    throw broken(
      `expected ${to.entries} entries up to ${to.hash}, found ${chain.head.entries} up to ${chain.head.hash}`,
    );
  }
}

function parseLines(bytes: Uint8Array): LedgerEntry[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  if (lines.pop() !== '') throw broken('a segment does not end with a newline');
  return lines.map((line) => {
    try {
      return parsed(JSON.parse(line));
    } catch (error) {
      throw error instanceof SyntaxError ? broken('a segment has a line that is not JSON') : error;
    }
  });
}

function parsed(value: unknown): LedgerEntry {
  try {
    return parseLedgerEntry(value);
  } catch (error) {
    throw error instanceof z.ZodError ? broken(`an entry has another shape: ${z.prettifyError(error)}`) : error;
  }
}

const broken = (problem: string): PromptOsError =>
  new PromptOsError('LEDGER_BROKEN', `The ledger is broken: ${problem}.`);
