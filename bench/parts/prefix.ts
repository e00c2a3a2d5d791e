import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createPinnedDocuments } from '../../src/activities/documents/pinned-documents.js';
import { createPrefixVerifier } from '../../src/activities/proof/verify-prefix.js';
import { canonicalJson } from '../../src/contracts/json.js';
import { runWorkflowId } from '../../src/contracts/names.js';
import type { LedgerReference } from '../../src/contracts/run/activities.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { openingOf } from '../../src/domain/ledger/closed-ledger.js';
import { headOf } from '../../src/domain/ledger/ledger-chain.js';
import { median, type Table } from '../figures.js';
import type { Options } from '../options.js';
import { PACKAGE_ROOT } from '../package-root.js';

const TREES = join(PACKAGE_ROOT, 'test', 'vectors', 'trees');

/** A recorded run as its workers' store had it. */
async function openTree(name: string) {
  const root = join(TREES, name);
  const objects = new Map<string, Uint8Array>();
  const keep = (bytes: Uint8Array) => objects.set(createHash('sha256').update(bytes).digest('hex'), bytes);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) keep(await readFile(join(entry.parentPath, entry.name)));
  }
  const lines = async (path: string): Promise<unknown[]> =>
    (await readFile(join(root, path), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const journal = (await lines('evidence/journal/journal.jsonl')).map((line) =>
    Buffer.from(canonicalJson((line as { entry: unknown }).entry)),
  );
  const store = {
    readObject: async (sha256: string) => objects.get(sha256) ?? Promise.reject(new Error(`no object ${sha256}`)),
    readJournal: async () => journal,
  };
  return { store, entries: (await lines('evidence/ledger.jsonl')) as LedgerEntry[] };
}

/** Milliseconds of processor time. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

interface Measured {
  readonly tree: string;
  readonly gate: string;
  readonly entries: number;
  /** A worker that never saw the run, its documents read anew. */
  readonly cold_ms: number;
  /** A worker that verified the run's gates before. */
  readonly warm_ms: number;
}

async function measure(tree: string, rounds: number): Promise<readonly Measured[]> {
  const { store, entries } = await openTree(tree);
  const { run } = openingOf(entries);
  const workflowId = runWorkflowId(run.run_id);
  const starts = entries.filter((entry) => entry.type === 'gateStarted');
  const reference = (until: number): LedgerReference => {
    const known = entries.slice(0, until + 1);
    return { segments: [], entries: known, head: headOf(known) };
  };
  const cold = new Map<number, number[]>();
  const warm = new Map<number, number[]>();
  for (let round = 0; round < rounds; round += 1) {
    const kept = createPrefixVerifier(store, createPinnedDocuments(store));
    for (const { seq } of starts) {
      const fresh = createPrefixVerifier(store, createPinnedDocuments(store));
      const verify = (verifier: typeof fresh) => () => verifier.verify(run.run_id, workflowId, reference(seq));
      cold.set(seq, [...(cold.get(seq) ?? []), await cpuMs(verify(fresh))]);
      warm.set(seq, [...(warm.get(seq) ?? []), await cpuMs(verify(kept))]);
    }
  }
  return starts.map(({ seq, gate, attempt }) => ({
    tree,
    gate: `${gate}.${attempt}`,
    entries: seq + 1,
    cold_ms: median(cold.get(seq) ?? []) ?? 0,
    warm_ms: median(warm.get(seq) ?? []) ?? 0,
  }));
}

const GOAL_MS = 60;

/**
 * What a worker spends before each gate on verifying the run's whole ledger, over two recorded runs: cold, by a worker
 * that never saw the run, and warm, by one that verified the gates before.
 */
export async function measurePrefixes({ runs }: Options): Promise<readonly Table[]> {
  // The first pass pays for the compiler.
  await measure('straight', runs);
  const figures = [...(await measure('straight', runs)), ...(await measure('reworked', runs))];
  const rows = figures.map(({ tree, gate, entries, cold_ms, warm_ms }) => ({
    name: `${tree}, ${gate}`,
    values: { entries, 'cold ms': cold_ms, 'warm ms': warm_ms },
  }));
  const middle = (field: 'cold_ms' | 'warm_ms') => median(figures.map((figure) => figure[field]));
  const values = { 'cold ms': middle('cold_ms'), 'warm ms': middle('warm_ms') };
  const all = { name: 'median', values, goals: [{ of: ['cold ms'], most: GOAL_MS }] };
  return [
    { title: 'Verifying the ledger before a gate', columns: ['entries', 'cold ms', 'warm ms'], rows: [...rows, all] },
  ];
}
