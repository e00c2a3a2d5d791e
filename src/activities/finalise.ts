import type { z } from 'zod';
import { mediaTypeOf } from '../contracts/artifacts.js';
import { PromptOsError } from '../contracts/errors.js';
import { canonicalJson, prettyJson, readJson } from '../contracts/json.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import { promptPackBundleSchema } from '../contracts/prompt-pack.js';
import { attemptRecordSchema } from '../contracts/record/attempt.js';
import { promptSessionSchema } from '../contracts/record/prompt-session.js';
import { runRecordSchema } from '../contracts/record/run-record.js';
import type { FinaliseInput, FinaliseResult } from '../contracts/run/activities.js';
import type { PlacedJournalEntry } from '../contracts/run/journal.js';
import type { LedgerEntry, LedgerEventOf } from '../contracts/run/ledger.js';
import { runRequestSchema } from '../contracts/run/run-request.js';
import { problemsText } from '../contracts/schema-problems.js';
import { authorshipStatement } from '../domain/attest/authorship.js';
import { type ClosedLedger, closedLedger } from '../domain/ledger/closed-ledger.js';
import { journalLines } from '../domain/ledger/journal-lines.js';
import { ledgerLines } from '../domain/ledger/ledger-chain.js';
import { buildPromptSession, sessionOfRun } from '../domain/record/prompt-session.js';
import {
  attemptFiles,
  escalationPath,
  interruptionFiles,
  orderedTree,
  type StoredAttempt,
  TREE_PATHS,
} from '../domain/record/published-tree.js';
import { buildRunRecord, recordedEscalations } from '../domain/record/run-record.js';
import type { ArtifactStore, GovernancePorts, VerifyTree } from '../ports/index.js';
import { createObjectBatch } from './attempt/object-batch.js';
import { sealingKey } from './documents/engine-key.js';
import { createPinnedDocuments, type PinnedDocuments } from './documents/pinned-documents.js';
import { type PutText, putSignedActs, refuseUnverified, sealTree } from './proof/seal-tree.js';
import { endedJournal } from './proof/sync-journal.js';
import { requireTrustedByEngine } from './proof/trusted-run.js';
import type { PrefixVerifier } from './proof/verify-prefix.js';

export interface FinaliseOptions {
  readonly pinned?: PinnedDocuments;
  /** What the engine asks before it signs; without it the tree is not verified. */
  readonly verifyTree?: VerifyTree | undefined;
}

/** A closed run's ledger, and its journal up to its end; empty for a run that has none. */
export interface EndedRun {
  readonly entries: readonly LedgerEntry[];
  readonly journal: readonly PlacedJournalEntry[];
}

/**
 * Makes a closed run's record, signs it, and publishes its tree, once the run's past is verified.
 * @throws PromptOsError STEP_NOT_DUE, LEDGER_BROKEN, POLICY_NOT_TRUSTED, and what publishing fails with
 */
export function createFinalise(
  ports: Pick<GovernancePorts, 'store' | 'signers' | 'trust'>,
  verifier: PrefixVerifier,
  options: FinaliseOptions = {},
): (input: FinaliseInput, workflowId: string | undefined) => Promise<FinaliseResult> {
  const publish = createPublisher(ports, options);
  return async ({ run_id, ledger }, workflowId) => {
    const prefix = await verifier.verify(run_id, workflowId, ledger);
    await requireTrustedByEngine(ports, prefix);
    return publish({ entries: prefix.entries, journal: endedJournal(prefix) });
  };
}

/**
 * Publishes a closed run. Everything in its tree comes from the ledger, the journal and the store, never from a clock, and
 * Ed25519 signs without chance, so that doing it again gives the same bytes and succeeds.
 * @throws PromptOsError LEDGER_BROKEN, OBJECT_NOT_FOUND, OBJECT_CORRUPT, RECORD_INVALID, PATH_CLASH,
 * RUN_ALREADY_PUBLISHED, ENGINE_KEY_MISSING; what the engine's signer throws
 */
export function createPublisher(
  { store, signers }: Pick<GovernancePorts, 'store' | 'signers'>,
  { pinned = createPinnedDocuments(store), verifyTree }: FinaliseOptions = {},
): (run: EndedRun) => Promise<FinaliseResult> {
  return async ({ entries, journal }) => {
    const ledger = closedLedger(entries);
    const runId = ledger.opening.run.run_id;
    const batch = createObjectBatch(store);
    const objects = { readObject: batch.read, openObject: (sha256: string) => store.openObject(sha256) };
    const documents = await readDocuments(objects, ledger.opening);
    const attempts = await readAttempts(objects, ledger);
    const signer = await sealingKey({ signers }, pinned, ledger);
    const put: PutText = async (path, text) => ({
      path,
      ...(await batch.put(Buffer.from(text))),
      media_type: mediaTypeOf(path),
    });

    const session = buildPromptSession(sessionOfRun(ledger, documents.notes));
    const artifacts = orderedTree([
      ...documents.files,
      ...attempts.flatMap(attemptFiles),
      ...(await keptLogs(store, entries)),
      ...(await putEscalations(put, entries)),
      ...(journal.length === 0 ? [] : [await put(TREE_PATHS.journal, journalLines(journal))]),
      ...(await putSignedActs(store, put, ledger)),
      await put(TREE_PATHS.session, session.text),
      await put(TREE_PATHS.sidecar, session.sidecar),
    ]);
    const record = buildRunRecord({
      ledger,
      attempts: new Map(attempts.map((attempt) => [attempt.sha256, attempt.record])),
      artifacts,
      session: session.session,
      sealedBy: signer?.keyid ?? null,
    });
    checkShape(promptSessionSchema, session.session, TREE_PATHS.session);
    checkShape(runRecordSchema, record, TREE_PATHS.record);

    const recordFile = await put(TREE_PATHS.record, prettyJson(record));
    const ledgerFile = await put(TREE_PATHS.ledger, ledgerLines(entries));
    const files = [...artifacts, recordFile, ledgerFile];
    await batch.flush();
    if (verifyTree !== undefined) await refuseUnverified(verifyTree, { runId, files, objects });
    const records = new Map(attempts.map((attempt) => [attempt.sha256, attempt.record]));
    const seals = await sealTree({
      authorship: authorshipStatement(record, recordFile.sha256, records),
      readObject: batch.read,
      put,
      closed: ledger,
      artifacts,
      record: recordFile,
      ledger: ledgerFile,
      signer,
    });
    await batch.flush();
    const tree = orderedTree([...files, ...seals.files]);
    await store.publish(runId, tree);
    return { run_record_sha256: recordFile.sha256, files: tree.length, attestation: seals.recordSignature };
  };
}

async function readAttempts(
  store: Pick<ArtifactStore, 'readObject'>,
  ledger: ClosedLedger,
): Promise<readonly StoredAttempt[]> {
  const attempts: StoredAttempt[] = [];
  for (const { gate, attempt, output_sha256, standing } of ledger.attempts) {
    if (output_sha256 === null) continue;
    const bytes = await store.readObject(output_sha256);
    const what = `the record of ${gate} attempt ${attempt}`;
    const record = checkShape(attemptRecordSchema, readJson(bytes), what);
    if (record.gate !== gate || record.attempt !== attempt || record.run_id !== ledger.opening.run.run_id) {
      throw new PromptOsError(
        'RECORD_INVALID',
        `Expected ${what}, found that of ${record.gate} attempt ${record.attempt} of run ${record.run_id}.`,
      );
    }
    attempts.push({ record, sha256: output_sha256, bytes: bytes.byteLength, valid: standing !== 'voided' });
  }
  return attempts;
}

/**
 * The logs of attempts without a record that the store has as the ledger names them. No worker signs which ones there are, and
 * no verdict rests on them: one that is missing does not keep a run from its record.
 */
async function keptLogs(
  store: Pick<ArtifactStore, 'openObject'>,
  entries: readonly LedgerEntry[],
): Promise<readonly ArtifactRef[]> {
  const kept: ArtifactRef[] = [];
  for (const file of interruptionFiles(entries)) {
    if ((await sizeOf(store, file.sha256)) === file.bytes) kept.push(file);
  }
  return kept;
}

async function sizeOf(store: Pick<ArtifactStore, 'openObject'>, sha256: string): Promise<number | null> {
  let bytes = 0;
  try {
    for await (const chunk of store.openObject(sha256)) bytes += chunk.byteLength;
    return bytes;
  } catch (error) {
    if (error instanceof PromptOsError && LOST.includes(error.code)) return null;
    throw error;
  }
}

const LOST: readonly string[] = ['OBJECT_NOT_FOUND', 'OBJECT_CORRUPT'];

async function putEscalations(put: PutText, entries: readonly LedgerEntry[]): Promise<readonly ArtifactRef[]> {
  const files: ArtifactRef[] = [];
  for (const escalation of recordedEscalations(entries)) {
    const text = prettyJson({ schema_version: 1, ...escalation });
    files.push(await put(escalationPath(escalation.escalation_id), text));
  }
  return files;
}

/** @throws PromptOsError RECORD_INVALID */
function checkShape<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PromptOsError('RECORD_INVALID', `${what} has another shape: ${problemsText(parsed.error)}.`);
}

/** What a run was started from, as its tree shows it. */
interface RunDocuments {
  readonly files: readonly ArtifactRef[];
  /** The request's notes. */
  readonly notes: string;
}

/**
 * The request, policy and pack of a run. A run that the engine refused to open may lack them, or have something else in
 * their place, which may be the very reason; its tree then does without.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT; RECORD_INVALID for a request that is none
 */
async function readDocuments(
  store: Pick<ArtifactStore, 'readObject'>,
  opening: LedgerEventOf<'runOpened'> | LedgerEventOf<'openingFailed'>,
): Promise<RunDocuments> {
  const { request_sha256, policy_sha256, pack_object_sha256 } = opening.run;
  const refused = opening.type === 'openingFailed';
  const read = async (sha256: string): Promise<Uint8Array | null> => {
    try {
      return await store.readObject(sha256);
    } catch (error) {
      if (refused && error instanceof PromptOsError && error.code === 'OBJECT_NOT_FOUND') return null;
      throw error;
    }
  };
  const readable = async (sha256: string, schema: z.ZodType): Promise<Uint8Array | null> => {
    const bytes = await read(sha256);
    return bytes !== null && refused && !isCanonical(bytes, schema) ? null : bytes;
  };
  const request = await readable(request_sha256, runRequestSchema);
  const policy = await read(policy_sha256);
  const pack = await readable(pack_object_sha256, promptPackBundleSchema);
  const policyIsJson = policy !== null && readJson(policy) !== undefined;
  const file = (path: string, sha256: string, bytes: Uint8Array | null): ArtifactRef[] =>
    bytes === null ? [] : [{ path, sha256, bytes: bytes.byteLength, media_type: mediaTypeOf(path) }];
  return {
    files: [
      ...file(TREE_PATHS.request, request_sha256, request),
      ...file(policyIsJson ? TREE_PATHS.policyJson : TREE_PATHS.policyYaml, policy_sha256, policy),
      ...file(TREE_PATHS.pack, pack_object_sha256, pack),
    ],
    notes: request === null ? '' : notesOf(request),
  };
}

/** Whether bytes are canonical JSON of a shape, as a run takes them in. */
function isCanonical(bytes: Uint8Array, schema: z.ZodType): boolean {
  const value = readJson(bytes);
  return schema.safeParse(value).success && canonicalJson(value) === Buffer.from(bytes).toString('utf8');
}

function notesOf(request: Uint8Array): string {
  const parsed = runRequestSchema.safeParse(readJson(request));
  if (parsed.success) return parsed.data.notes;
  throw new PromptOsError('RECORD_INVALID', 'The stored request of the run has another shape than a request.');
}
