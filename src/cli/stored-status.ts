import type { GovernedRuns } from '../client/client.js';
import { canonicalJson } from '../contracts/json.js';
import { type LedgerEntry, type LedgerHead, parseLedgerEntry } from '../contracts/ledger.js';
import type { GovernedRunInput } from '../contracts/run-plan.js';
import type { RunStatus } from '../contracts/run-status.js';
import { checkChain, EMPTY_LEDGER } from '../domain/ledger/ledger-chain.js';
import { evolve } from '../domain/run/evolve.js';
import { INITIAL_STATE } from '../domain/run/run-state.js';
import { describeRun } from '../domain/run/run-status.js';
import type { ArtifactStore } from '../ports/artifact-store.js';

/** A run as the store has it, and what has come since. */
export interface StoredStatus {
  readonly status: RunStatus;
  /** Messages that wait for a worker. */
  readonly unread: number;
}

/** A run's ledger as far as the engine saved it. */
export interface StoredLedger {
  readonly input: GovernedRunInput;
  readonly entries: readonly LedgerEntry[];
  readonly head: LedgerHead;
  readonly unread: number;
}

/**
 * The ledger of a run without a worker. A run that waits for a person has saved all but refusals, and one that carries out a gate
 * all that was before.
 * @returns null when the store holds no ledger of the run, or one that does not hold together
 */
export async function storedLedger(
  runs: GovernedRuns,
  store: ArtifactStore,
  runId: string,
): Promise<StoredLedger | null> {
  const { input, segments, unread } = await runs.recorded(runId);
  if (segments.length === 0) return null;
  const entries: LedgerEntry[] = [];
  for (const { sha256 } of segments) {
    if (!(await store.hasObject(sha256))) return null;
    entries.push(...parseLines(await store.readObject(sha256)));
  }
  const chain = checkChain(entries, EMPTY_LEDGER);
  const opening = entries[0];
  const ours = opening?.type === 'runOpened' && canonicalJson(opening.run) === canonicalJson(input);
  return chain.ok && ours ? { input, entries, head: chain.head, unread } : null;
}

/** The status of a run without a worker: its stored ledger, folded as the run does; null when there is none. */
export async function storedStatus(
  runs: GovernedRuns,
  store: ArtifactStore,
  runId: string,
): Promise<StoredStatus | null> {
  const stored = await storedLedger(runs, store, runId);
  if (stored === null) return null;
  const { input, entries, head, unread } = stored;
  return { status: describeRun(entries.reduce(evolve, INITIAL_STATE), input, head, null), unread };
}

const parseLines = (bytes: Uint8Array): LedgerEntry[] =>
  new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseLedgerEntry(JSON.parse(line)));
