import type { Client } from '@temporalio/client';
import { z } from 'zod';
import type { GovernedRuns } from '../../../client/client.js';
import { readHeldEntries } from '../../../client/ledger.js';
import type { RunTrouble } from '../../../client/trouble.js';
import { mediaTypeOf } from '../../../contracts/artifacts.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { parseJsonAs, readJsonAs } from '../../../contracts/json.js';
import { envelopeSchema } from '../../../contracts/keys.js';
import type { GateId } from '../../../contracts/names.js';
import { gateIdSchema, sha256Schema } from '../../../contracts/primitives.js';
import { type AttemptRecord, attemptRecordSchema } from '../../../contracts/record/attempt.js';
import type { LedgerReference, LedgerSegment } from '../../../contracts/run/activities.js';
import { type PlacedJournalEntry, parseJournalEntry } from '../../../contracts/run/journal.js';
import { type LedgerEntry, parseLedgerLines } from '../../../contracts/run/ledger.js';
import { counted } from '../../../contracts/sentences.js';
import { statementOf } from '../../../domain/attest/envelope.js';
import { checkChain, EMPTY_LEDGER } from '../../../domain/ledger/ledger-chain.js';
import {
  attemptFiles,
  attestationPaths,
  interruptionFiles,
  TREE_PATHS,
} from '../../../domain/record/published-tree.js';
import { attemptHistories } from '../../../domain/run/attempt-history.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';

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
  const trouble = await runs.trouble(runId);
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
      stored.push(...parseLedgerLines(await store.readObject(sha256)));
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

/** What of a run says which objects of the store are its own. */
type Parts = Pick<FoundRun, 'entries' | 'journal'>;

/** A file that the store should have, and where an incomplete tree shows it. */
export interface WantedFile {
  readonly path: string;
  readonly sha256: string;
  readonly media_type: string;
}

/** An attempt of which the ledger or the journal says that it gave a result. */
interface KnownAttempt {
  readonly gate: GateId;
  readonly attempt: number;
  readonly sha256: string;
}

/** What the run was started from. The request's signed statement names the pack, which the journal does not. */
export async function startFiles({ entries, journal }: Parts, store: ArtifactStore): Promise<readonly WantedFile[]> {
  const opened = journal.find(({ entry }) => entry?.kind === 'opened')?.entry;
  const [first] = entries;
  const run = first?.type === 'runOpened' || first?.type === 'openingFailed' ? first.run : null;
  const start = run ?? (opened?.kind === 'opened' ? opened : null);
  if (start === null) return [];
  const attestation = start.request_attestation_sha256;
  const pack = run?.pack_object_sha256 ?? (attestation === null ? null : await packOf(store, attestation));
  const file = (path: string, sha256: string | null): WantedFile[] =>
    sha256 === null ? [] : [{ path, media_type: mediaTypeOf(path), sha256 }];
  return [
    ...file(TREE_PATHS.request, start.request_sha256),
    ...file(TREE_PATHS.policyYaml, start.policy_sha256),
    ...file(TREE_PATHS.pack, pack),
    ...file(attestationPaths.runRequest, attestation),
  ];
}

const startSchema = z.object({ predicate: z.object({ packObjectSha256: sha256Schema }) });

const packOf = (store: ArtifactStore, sha256: string): Promise<string | null> =>
  store.readObject(sha256).then(
    (bytes) => {
      const envelope = parseJsonAs(envelopeSchema, bytes);
      return startSchema.safeParse(statementOf(envelope)).data?.predicate.packObjectSha256 ?? null;
    },
    () => null,
  );

const resultSchema = z.object({
  subject: z.array(z.object({ digest: z.object({ sha256: sha256Schema }) })).length(1),
  predicate: z.object({ gate: gateIdSchema, attempt: z.int().positive() }),
});

/** Attempts by the ledger, and those of which only the journal has the signed result. */
function knownAttempts({ entries, journal }: Parts): readonly KnownAttempt[] {
  const found = new Map<string, KnownAttempt>();
  for (const { gate, attempt, output_sha256: sha256 } of attemptHistories(entries)) {
    if (sha256 !== null) found.set(`${gate}.${attempt}`, { gate, attempt, sha256 });
  }
  for (const { entry } of journal) {
    if (entry?.kind !== 'result') continue;
    const said = resultSchema.safeParse(statementOf(entry.envelope)).data;
    const sha256 = said?.subject[0]?.digest.sha256;
    if (said === undefined || sha256 === undefined) continue;
    const { gate, attempt } = said.predicate;
    // For one attempt the first result counts, and the ledger's before that of the journal.
    if (!found.has(`${gate}.${attempt}`)) found.set(`${gate}.${attempt}`, { gate, attempt, sha256 });
  }
  return [...found.values()];
}

/** A record of an attempt, as the store has it. */
interface FoundRecord {
  readonly record: AttemptRecord;
  readonly sha256: string;
  readonly bytes: number;
}

type Miss = (what: string, sha256: string, problem: string) => void;

/** The record of every attempt. @param miss is called for one that cannot be read */
export async function recordsOfAttempts(run: Parts, store: ArtifactStore, miss: Miss): Promise<readonly FoundRecord[]> {
  const records: FoundRecord[] = [];
  for (const { gate, attempt, sha256 } of knownAttempts(run)) {
    const what = `the record of ${gate} attempt ${attempt}`;
    const bytes = await store.readObject(sha256).catch((error: Error) => {
      miss(what, sha256, error.message);
      return null;
    });
    if (bytes === null) continue;
    const record = readJsonAs(attemptRecordSchema, bytes);
    if (record === null || record.gate !== gate || record.attempt !== attempt) {
      miss(what, sha256, 'it is no record of this attempt');
      continue;
    }
    records.push({ record, sha256, bytes: bytes.byteLength });
  }
  return records;
}

/**
 * The files of every attempt, each in its own folder: nothing is put where a finished run has what was approved.
 * @param miss is called for a record that cannot be read
 */
export const filesOfAttempts = async (run: Parts, store: ArtifactStore, miss: Miss): Promise<readonly WantedFile[]> => [
  ...(await recordsOfAttempts(run, store, miss)).flatMap((found) => attemptFiles({ ...found, valid: false })),
  ...interruptionFiles(run.entries),
];
