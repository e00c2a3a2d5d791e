import type { Client } from '@temporalio/client';
import type { GovernedRuns } from '../../client/client.js';
import { readHeldEntries } from '../../client/ledger.js';
import { type RunTrouble, readTrouble } from '../../client/trouble.js';
import type { LedgerReference, LedgerSegment } from '../../contracts/activities.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { PlacedJournalEntry } from '../../contracts/journal.js';
import { parseJournalEntry } from '../../contracts/journal-bytes.js';
import { type LedgerEntry, parseLedgerEntry } from '../../contracts/ledger.js';
import { counted } from '../../contracts/sentences.js';
import { checkChain, EMPTY_LEDGER } from '../../domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';

/** What is left of a run that has no record. */
export interface FoundRun {
  readonly runId: string;
  readonly journal: readonly PlacedJournalEntry[];
  /** As far as it hangs together from the first entry; empty when no part was found. */
  readonly entries: readonly LedgerEntry[];
  /** Where the whole ledger is; null when a part of it is missing or does not hold together. */
  readonly reference: LedgerReference | null;
  readonly missing: readonly MissingPart[];
  readonly trouble: RunTrouble | null;
  /** Of the Temporal execution, such as `RUNNING`; null when Temporal does not know the run or was not asked. */
  readonly status: string | null;
}

/** Something that is named and not there. */
export interface MissingPart {
  readonly what: string;
  readonly sha256: string | null;
  readonly problem: string;
}

/** The Temporal server that has a run, and the runs on it. */
export interface RunServer {
  readonly client: Client;
  readonly runs: GovernedRuns;
}

/** Milliseconds that a worker has for answering. */
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Collects a run from its journal, and from Temporal's history where a server answers: it names the parts of the ledger
 * that are in the store, and a worker has those that are not.
 * @param server null when none answers
 * @throws PromptOsError RUN_NOT_FOUND when neither knows the run
 */
export async function findRun(store: ArtifactStore, server: RunServer | null, runId: string): Promise<FoundRun> {
  const journal = (await store.readJournal(runId)).map((bytes, seq) => ({ seq, entry: parseJournalEntry(bytes) }));
  const known = server === null ? null : await server.runs.describe(runId).catch(onlyNotFound);
  if (known === null && journal.length === 0) throw new PromptOsError('RUN_NOT_FOUND', `There is no run ${runId}.`);
  const base = { runId, journal, status: known?.status ?? null };
  if (server === null || known === null) {
    const problem =
      'only the Temporal server says which objects of the store are the ledger, and it does not have the run';
    const missing = [{ what: 'the ledger', sha256: null, problem }];
    return { ...base, entries: [], reference: null, missing, trouble: null };
  }
  const { client, runs } = server;
  const trouble = await readTrouble(client, runId);
  const { segments } = await runs.recorded(runId);
  return { ...base, trouble, ...(await readParts(store, segments, await unsaved(client, runId))) };
}

const onlyNotFound = (error: unknown): null => {
  if (error instanceof PromptOsError && error.code === 'RUN_NOT_FOUND') return null;
  throw error;
};

/** Entries that a worker holds; an execution that has ended or that no worker serves gives none. */
const unsaved = (client: Client, runId: string): Promise<readonly LedgerEntry[]> =>
  readHeldEntries(client, runId, ANSWER_TIMEOUT_MS).catch(() => []);

/** The ledger from its parts in the store, and what a worker holds beyond them. */
export async function readParts(
  store: ArtifactStore,
  segments: readonly LedgerSegment[],
  held: readonly LedgerEntry[],
): Promise<Pick<FoundRun, 'entries' | 'reference' | 'missing'>> {
  const stored: LedgerEntry[] = [];
  const missing: MissingPart[] = [];
  for (const { sha256, entries } of segments) {
    try {
      stored.push(...parseLines(await store.readObject(sha256)));
    } catch (error) {
      const problem = error instanceof PromptOsError ? `${error.code}: ${error.summary}` : String(error);
      missing.push({ what: `${counted(entries, 'entry')} of the ledger`, sha256, problem });
      break;
    }
  }
  // What a worker holds overlaps with what is stored, and goes on from a gap only by chance.
  const rest = missing.length > 0 ? [] : held.filter(({ seq }) => seq >= stored.length);
  const whole = [...stored, ...rest];
  const chain = checkChain(whole, EMPTY_LEDGER);
  if (!chain.ok) {
    missing.push({ what: `the ledger from entry ${chain.seq} on`, sha256: null, problem: chain.problem });
    return { entries: whole.slice(0, chain.seq), reference: null, missing };
  }
  if (missing.length > 0 || whole.length === 0) return { entries: whole, reference: null, missing };
  return { entries: whole, reference: { segments, entries: rest, head: chain.head }, missing };
}

const parseLines = (bytes: Uint8Array): LedgerEntry[] =>
  Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseLedgerEntry(JSON.parse(line)));
