import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type AttemptRecord, attemptRecordSchema } from '../contracts/attempt.js';
import { PromptOsError } from '../contracts/errors.js';
import { INCOMPLETE_PATH, type IncompleteTree, incompleteTreeSchema } from '../contracts/incomplete-tree.js';
import type { PlacedJournalEntry } from '../contracts/journal.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { type Policy, policySchema } from '../contracts/policy.js';
import { type ArtifactRef, PATH_ISSUE } from '../contracts/primitives.js';
import { type PromptPackBundle, promptPackBundleSchema } from '../contracts/prompt-pack.js';
import { type RunRecord, runRecordSchema } from '../contracts/run-record.js';
import { type RunRequest, runRequestSchema } from '../contracts/run-request.js';
import { problemText } from '../contracts/schema-problems.js';
import { counted } from '../contracts/sentences.js';
import { openingOf } from '../domain/ledger/closed-ledger.js';
import { messagesOf } from '../domain/ledger/journal.js';
import type { Replay } from '../domain/ledger/replay-ledger.js';
import { attemptFolder, TREE_PATHS } from '../domain/record/published-tree.js';
import { type AttemptHistory, attemptHistories } from '../domain/run/attempt-history.js';
import type { TreeEntry, TreeReader } from '../ports/tree-reader.js';
import { loadPack, type PromptPack } from '../prompt-pack/load.js';
import { MAX_FILE_BYTES, MAX_JSON_BYTES, MAX_LEDGER_BYTES, MAX_POLICY_BYTES, TREE_LIMITS } from './limits.js';
import { type JsonLayout, readStrictJson, strictText } from './parse-json.js';
import { readJournal, readLedger, replayTree } from './read-ledger.js';
import { checkTreeSize, differentSize, failingReader, streamOf } from './read-tree.js';
import type { VerifyTrust } from './trust.js';
import { VerifyFailure } from './verify-codes.js';

/** An attempt that gave a result: what the ledger says of it, and its record. */
export interface VerifiedAttempt {
  readonly history: AttemptHistory;
  readonly record: AttemptRecord;
  readonly sha256: string;
  readonly bytes: number;
}

/** A tree's documents, each read and checked when it is first asked for; whatever is wrong with one is told each time. */
export interface TreeDocuments {
  readonly reader: TreeReader;
  readonly trust: VerifyTrust;
  /** By path. */
  entries(): Promise<ReadonlyMap<string, TreeEntry>>;
  record(): Promise<RunRecord>;
  /** What the tree of a run without a record says of itself; null for the tree of a finished run. */
  incomplete(): Promise<IncompleteTree | null>;
  /** What the record lists, by path; of an incomplete tree, what that lists. */
  artifacts(): Promise<ReadonlyMap<string, ArtifactRef>>;
  ledger(): Promise<readonly LedgerEntry[]>;
  /** Empty for a run from before runs had one. */
  journal(): Promise<readonly PlacedJournalEntry[]>;
  /** Of the bytes of the ledger's file. */
  ledgerSha256(): Promise<string>;
  recordSha256(): Promise<string>;
  /** The policy that the run is judged by; null when a run that never opened brought none. */
  policy(): Promise<Policy | null>;
  request(): Promise<RunRequest | null>;
  packBundle(): Promise<PromptPackBundle | null>;
  pack(): Promise<PromptPack | null>;
  attempts(): Promise<readonly VerifiedAttempt[]>;
  /** The ledger once more through the domain. */
  replay(): Promise<Replay>;
  /** What lies at a path, which must be a plain file: nothing else is ever opened. */
  plainFile(path: string): Promise<TreeEntry>;
  /** A file whose bytes are those that the record lists. */
  bytes(path: string): Promise<Uint8Array>;
  json<T>(path: string, schema: z.ZodType<T>, layout?: JsonLayout): Promise<T>;
  has(path: string): Promise<boolean>;
}

/** The records of attempts, by digest. */
export const recordsByDigest = (attempts: readonly VerifiedAttempt[]): ReadonlyMap<string, AttemptRecord> =>
  new Map(attempts.map(({ sha256, record }) => [sha256, record]));

/** Hexadecimal SHA-256, by node's own code: documents may be large. */
export const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | null = null;
  return () => {
    loaded ??= load();
    return loaded;
  };
}

/** @throws VerifyFailure SHAPE_INVALID, PATH_NOT_ALLOWED */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const isPath = issue?.code === 'custom' && issue.params?.about === PATH_ISSUE.about;
  throw new VerifyFailure(isPath ? 'PATH_NOT_ALLOWED' : 'SHAPE_INVALID', {
    path,
    expected: issue === undefined ? 'another shape' : problemText(issue, 'the document'),
    found: counted(parsed.error.issues.length, 'problem'),
  });
}

export function openDocuments(given: TreeReader, trust: VerifyTrust): TreeDocuments {
  const reader = failingReader(given);
  const entries = once(async () => {
    const listed = await reader.list(TREE_LIMITS);
    checkTreeSize(listed);
    return new Map(listed.map((entry) => [entry.path, entry] as const));
  });
  const has = async (path: string) => (await entries()).has(path);

  // One failure for each path, so that it is told once whoever comes upon it.
  const unusable = new Map<string, VerifyFailure>();
  const plainFile = async (path: string): Promise<TreeEntry> => {
    const entry = (await entries()).get(path);
    if (entry?.kind === 'file') return entry;
    const code = entry === undefined ? 'FILE_MISSING' : entry.kind === 'link' ? 'LINK_IN_TREE' : 'SPECIAL_FILE';
    const found = entry === undefined ? 'nothing' : entry.kind.replace('_', ' ');
    const failure = unusable.get(path) ?? new VerifyFailure(code, { path, expected: 'a file', found });
    unusable.set(path, failure);
    throw failure;
  };

  const fileUpTo = async (path: string, limit: number): Promise<TreeEntry> => {
    const entry = await plainFile(path);
    if (entry.bytes > limit) throw differentSize('FILE_TOO_LARGE', path, `at most ${limit}`, entry.bytes);
    return entry;
  };
  const readWhole = async (path: string, limit = MAX_FILE_BYTES): Promise<Uint8Array> => {
    const { bytes } = await fileUpTo(path, limit);
    const content = await reader.read(path, bytes);
    if (content.byteLength !== bytes) throw differentSize('FILE_CHANGED', path, `${bytes}`, content.byteLength);
    return content;
  };

  const recordBytes = once(() => readWhole(TREE_PATHS.record, MAX_JSON_BYTES));
  const record = once(async () => {
    const value = readStrictJson(await recordBytes(), TREE_PATHS.record, 'indented');
    return checkShape(runRecordSchema, value, TREE_PATHS.record);
  });
  const incomplete = once(async () => {
    if (!(await has(INCOMPLETE_PATH))) return null;
    const value = readStrictJson(await readWhole(INCOMPLETE_PATH, MAX_JSON_BYTES), INCOMPLETE_PATH, 'indented');
    return checkShape(incompleteTreeSchema, value, INCOMPLETE_PATH);
  });
  const artifacts = once(async () => {
    const listed = (await incomplete())?.files ?? (await record()).artifacts;
    return new Map(listed.map((ref) => [ref.path, ref] as const));
  });

  const bytes = async (path: string, limit = MAX_FILE_BYTES): Promise<Uint8Array> => {
    const content = await readWhole(path, limit);
    const listed = (await artifacts()).get(path);
    const actual = sha256Of(content);
    if (listed !== undefined && listed.sha256 !== actual) {
      throw new VerifyFailure('DIGEST_MISMATCH', { path, expected: listed.sha256, found: actual });
    }
    return content;
  };
  const json = async <T>(path: string, schema: z.ZodType<T>, layout: JsonLayout = 'indented'): Promise<T> => {
    const value = readStrictJson(await bytes(path, MAX_JSON_BYTES), path, layout);
    checkShape(schema, value, path);
    // As it stands, not as the schema would rewrite it: digests and comparisons are about what was written.
    return value as T;
  };

  const journal = once(async () =>
    (await has(TREE_PATHS.journal)) ? readJournal(await bytes(TREE_PATHS.journal), TREE_PATHS.journal) : [],
  );
  const wholeLedger = once(async () => {
    const entry = await fileUpTo(TREE_PATHS.ledger, MAX_LEDGER_BYTES);
    return readLedger(streamOf(reader, entry), TREE_PATHS.ledger);
  });
  const ledger = once(async () => (await wholeLedger()).entries);
  const run = async () => openingOf(await ledger());

  /** A pinned document of the run; a run that never opened may lack it, which may be the very reason. */
  const pinned = async (
    path: string,
    wanted: string,
    code: 'REQUEST_DIFFERS' | 'PACK_DIFFERS' | 'POLICY_DIFFERS',
    limit = MAX_JSON_BYTES,
  ): Promise<Uint8Array | null> => {
    if (!(await has(path)) && (await run()).type === 'openingFailed') return null;
    const content = await bytes(path, limit);
    const actual = sha256Of(content);
    if (actual !== wanted) throw new VerifyFailure(code, { path, expected: wanted, found: actual });
    return content;
  };

  const policyOfTree = async (handedIn: Policy | undefined): Promise<Policy | null> => {
    const path = (await has(TREE_PATHS.policyJson)) ? TREE_PATHS.policyJson : TREE_PATHS.policyYaml;
    const content = await pinned(path, (await run()).run.policy_sha256, 'POLICY_DIFFERS', MAX_POLICY_BYTES);
    // The same bytes as those that were handed in, which were parsed already.
    if (handedIn !== undefined || content === null) return handedIn ?? null;
    try {
      return policySchema.parse(parse(strictText(content, path), { maxAliasCount: 100 }));
    } catch (error) {
      if (error instanceof VerifyFailure) throw error;
      if ((await run()).type === 'openingFailed') return null;
      const found = (error instanceof Error ? error.message : String(error)).slice(0, 300);
      throw new VerifyFailure('POLICY_INVALID', { path, expected: 'a policy', found });
    }
  };
  const policy = once(async () => {
    const { policy_sha256 } = (await run()).run;
    const handedIn = trust.policies.find(({ sha256 }) => sha256 === policy_sha256);
    if (handedIn === undefined && trust.policies.length > 0) {
      throw new VerifyFailure('POLICY_UNKNOWN', {
        path: TREE_PATHS.ledger,
        expected: `one of ${trust.policies.map(({ sha256 }) => `sha256:${sha256}`).join(', ')}`,
        found: `sha256:${policy_sha256}`,
      });
    }
    return policyOfTree(handedIn?.policy);
  });

  const request = once(async () => {
    const opening = await run();
    const content = await pinned(TREE_PATHS.request, opening.run.request_sha256, 'REQUEST_DIFFERS');
    if (content === null) return null;
    const value = readStrictJson(content, TREE_PATHS.request, 'canonical');
    if (opening.type === 'openingFailed') return runRequestSchema.safeParse(value).data ?? null;
    return checkShape(runRequestSchema, value, TREE_PATHS.request);
  });
  const packBundle = once(async () => {
    const opening = await run();
    const content = await pinned(TREE_PATHS.pack, opening.run.pack_object_sha256, 'PACK_DIFFERS');
    if (content === null) return null;
    const value = readStrictJson(content, TREE_PATHS.pack, 'canonical');
    if (opening.type === 'openingFailed') return promptPackBundleSchema.safeParse(value).data ?? null;
    return checkShape(promptPackBundleSchema, value, TREE_PATHS.pack);
  });
  const pack = once(async () => {
    const bundle = await packBundle();
    if (bundle === null || (await run()).type === 'openingFailed') return null;
    try {
      return loadPack(bundle);
    } catch (error) {
      if (!(error instanceof PromptOsError)) throw error;
      throw new VerifyFailure('PACK_INVALID', {
        path: TREE_PATHS.pack,
        expected: 'a pack that loads',
        found: error.summary,
      });
    }
  });

  const attempts = once(async () => {
    const found: VerifiedAttempt[] = [];
    for (const history of attemptHistories(await ledger())) {
      if (history.output_sha256 === null) continue;
      const path = `${attemptFolder(history.gate, history.attempt)}/attempt.json`;
      const content = await bytes(path, MAX_JSON_BYTES);
      const sha256 = sha256Of(content);
      if (sha256 !== history.output_sha256) {
        throw new VerifyFailure('ATTEMPT_DIFFERS', { path, expected: history.output_sha256, found: sha256 });
      }
      const attempt = checkShape(attemptRecordSchema, readStrictJson(content, path, 'indented'), path);
      found.push({ history, record: attempt, sha256, bytes: content.byteLength });
    }
    return found;
  });

  return {
    reader,
    trust,
    entries,
    incomplete,
    record,
    artifacts,
    ledger,
    journal,
    ledgerSha256: async () => (await wholeLedger()).sha256,
    recordSha256: once(async () => sha256Of(await recordBytes())),
    policy,
    request,
    packBundle,
    pack,
    attempts,
    replay: once(async () =>
      replayTree(await ledger(), recordsByDigest(await attempts()), messagesOf(await journal()), TREE_PATHS.ledger),
    ),
    plainFile,
    bytes,
    json,
    has,
  };
}
