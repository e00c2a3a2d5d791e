import { parse } from 'yaml';
import { messageOf, PromptOsError } from '../contracts/errors.js';
import { type Policy, policySchema } from '../contracts/policy/policy.js';
import { type PromptPackBundle, promptPackBundleSchema } from '../contracts/prompt-pack.js';
import { type AttemptRecord, attemptRecordSchema } from '../contracts/record/attempt.js';
import { keepLast } from '../contracts/remember.js';
import type { PlacedJournalEntry } from '../contracts/run/journal.js';
import type { LedgerEntry } from '../contracts/run/ledger.js';
import { type RunRequest, runRequestSchema } from '../contracts/run/run-request.js';
import { type ClosedLedger, closedLedger, openingOf } from '../domain/ledger/closed-ledger.js';
import { messagesOf } from '../domain/ledger/journal.js';
import type { Replay } from '../domain/ledger/replay-ledger.js';
import { attemptFolder, TREE_PATHS } from '../domain/record/published-tree.js';
import { isTranscript, keptUntil } from '../domain/record/retention.js';
import { type AttemptHistory, attemptHistories } from '../domain/run/attempt-history.js';
import type { TreeReader } from '../ports/tree-reader.js';
import { loadPack, type PromptPack } from '../prompt-pack/load.js';
import { MAX_JSON_BYTES, MAX_LEDGER_BYTES, MAX_POLICY_BYTES } from './limits.js';
import { readStrictJson, strictText } from './parse-json.js';
import { readJournal, readLedger, replayTree } from './read-ledger.js';
import { checkShape, once, openFiles, sha256Of, type TreeFiles } from './tree-files.js';
import type { VerifyTrust } from './trust.js';
import { expectSame, VerifyFailure } from './verify-codes.js';

/** An attempt that gave a result: what the ledger says of it, and its record. */
export interface VerifiedAttempt {
  readonly history: AttemptHistory;
  /** The folder of the attempt's own files. */
  readonly folder: string;
  readonly record: AttemptRecord;
  readonly sha256: string;
  readonly bytes: number;
}

interface ExpiredTranscripts {
  readonly paths: ReadonlySet<string>;
  /** Until when the policy kept them; null where none is missing. */
  readonly until: number | null;
}

const NOTHING_EXPIRED: ExpiredTranscripts = { paths: new Set(), until: null };

/** The files of a tree, and the documents of its run, each read and checked once. */
export interface TreeDocuments extends TreeFiles {
  readonly trust: VerifyTrust;
  ledger(): Promise<readonly LedgerEntry[]>;
  /** The first entry of the ledger. */
  opening(): Promise<ClosedLedger['opening']>;
  /** The ledger, which must run to a closing. */
  closed(): Promise<ClosedLedger>;
  /** Empty for a run from before runs had one. */
  journal(): Promise<readonly PlacedJournalEntry[]>;
  /** Of the bytes of the ledger's file. */
  ledgerSha256(): Promise<string>;
  /** The policy that the run is judged by; null when a run that never opened brought none. */
  policy(): Promise<Policy | null>;
  request(): Promise<RunRequest | null>;
  packBundle(): Promise<PromptPackBundle | null>;
  pack(): Promise<PromptPack | null>;
  attempts(): Promise<readonly VerifiedAttempt[]>;
  /** The ledger once more through the domain. */
  replay(): Promise<Replay>;
  /** Listed transcripts that are missing since the policy of the run no longer keeps them. */
  expired(): Promise<ExpiredTranscripts>;
}

/** The records of attempts, by digest. */
export const recordsByDigest = (attempts: readonly VerifiedAttempt[]): ReadonlyMap<string, AttemptRecord> =>
  new Map(attempts.map(({ sha256, record }) => [sha256, record]));

/** Packs and policies that this process has read, by the digest of their bytes: most runs of a team have the same ones. */
const packs = new Map<string, PromptPackBundle>();
const policies = new Map<string, Policy>();
const MAX_READ = 8;

export function openDocuments(given: TreeReader, trust: VerifyTrust): TreeDocuments {
  const files = openFiles(given);
  const { has, bytes } = files;

  const journal = once(async () =>
    (await has(TREE_PATHS.journal)) ? readJournal(await bytes(TREE_PATHS.journal), TREE_PATHS.journal) : [],
  );
  const wholeLedger = once(async () =>
    readLedger(await files.stream(TREE_PATHS.ledger, MAX_LEDGER_BYTES), TREE_PATHS.ledger),
  );
  const ledger = once(async () => (await wholeLedger()).entries);
  const opening = once(async () => openingOf(await ledger()));

  /** A pinned document of the run; a run that never opened may lack it, which may be the very reason. */
  const pinned = async (
    path: string,
    wanted: string,
    code: 'REQUEST_DIFFERS' | 'PACK_DIFFERS' | 'POLICY_DIFFERS',
    limit = MAX_JSON_BYTES,
  ): Promise<Uint8Array | null> => {
    if (!(await has(path)) && (await opening()).type === 'openingFailed') return null;
    const content = await bytes(path, limit);
    const actual = sha256Of(content);
    expectSame(code, path, wanted, actual);
    return content;
  };

  const policyOfTree = async (handedIn: Policy | undefined): Promise<Policy | null> => {
    const path = (await has(TREE_PATHS.policyJson)) ? TREE_PATHS.policyJson : TREE_PATHS.policyYaml;
    const { policy_sha256 } = (await opening()).run;
    const content = await pinned(path, policy_sha256, 'POLICY_DIFFERS', MAX_POLICY_BYTES);
    // A tree without a policy does not have one because another tree does.
    if (content === null) return handedIn ?? null;
    // The same bytes as those that were handed in or read before, which were parsed already.
    const known = handedIn ?? policies.get(policy_sha256);
    if (known !== undefined) return known;
    try {
      const read = policySchema.parse(parse(strictText(content, path), { maxAliasCount: 100 }));
      return keepLast(policies, policy_sha256, read, MAX_READ);
    } catch (error) {
      if (error instanceof VerifyFailure) throw error;
      if ((await opening()).type === 'openingFailed') return null;
      const found = messageOf(error).slice(0, 300);
      throw new VerifyFailure('POLICY_INVALID', path, 'a policy', found);
    }
  };
  const policy = once(async () => {
    const { policy_sha256 } = (await opening()).run;
    const handedIn = trust.policies.find(({ sha256 }) => sha256 === policy_sha256);
    if (handedIn === undefined && trust.policies.length > 0) {
      throw new VerifyFailure(
        'POLICY_UNKNOWN',
        TREE_PATHS.ledger,
        `one of ${trust.policies.map(({ sha256 }) => `sha256:${sha256}`).join(', ')}`,
        `sha256:${policy_sha256}`,
      );
    }
    return policyOfTree(handedIn?.policy);
  });

  const request = once(async () => {
    const opened = await opening();
    const content = await pinned(TREE_PATHS.request, opened.run.request_sha256, 'REQUEST_DIFFERS');
    if (content === null) return null;
    const value = readStrictJson(content, TREE_PATHS.request, 'canonical');
    if (opened.type === 'openingFailed') return runRequestSchema.safeParse(value).data ?? null;
    return checkShape(runRequestSchema, value, TREE_PATHS.request);
  });
  const packBundle = once(async () => {
    const opened = await opening();
    const sha256 = opened.run.pack_object_sha256;
    const content = await pinned(TREE_PATHS.pack, sha256, 'PACK_DIFFERS');
    if (content === null) return null;
    const judged = packs.get(sha256);
    if (judged !== undefined) return judged;
    const value = readStrictJson(content, TREE_PATHS.pack, 'canonical');
    if (opened.type === 'openingFailed') return promptPackBundleSchema.safeParse(value).data ?? null;
    return keepLast(packs, sha256, checkShape(promptPackBundleSchema, value, TREE_PATHS.pack), MAX_READ);
  });
  const pack = once(async () => {
    const bundle = await packBundle();
    if (bundle === null || (await opening()).type === 'openingFailed') return null;
    try {
      return loadPack(bundle);
    } catch (error) {
      if (!(error instanceof PromptOsError)) throw error;
      throw new VerifyFailure('PACK_INVALID', TREE_PATHS.pack, 'a pack that loads', error.summary);
    }
  });

  const attempts = once(async () => {
    const found: VerifiedAttempt[] = [];
    for (const history of attemptHistories(await ledger())) {
      if (history.output_sha256 === null) continue;
      const folder = attemptFolder(history.gate, history.attempt);
      const path = `${folder}/attempt.json`;
      const content = await bytes(path, MAX_JSON_BYTES);
      const sha256 = sha256Of(content);
      expectSame('ATTEMPT_DIFFERS', path, history.output_sha256, sha256);
      const attempt = checkShape(attemptRecordSchema, readStrictJson(content, path, 'indented'), path);
      found.push({ history, folder, record: attempt, sha256, bytes: content.byteLength });
    }
    return found;
  });

  const expired = once(async (): Promise<ExpiredTranscripts> => {
    const { now } = trust;
    if (now === undefined || (await files.incomplete()) !== null) return NOTHING_EXPIRED;
    const entries = await files.entries();
    const missing = [...(await files.artifacts()).keys()].filter((path) => isTranscript(path) && !entries.has(path));
    if (missing.length === 0) return NOTHING_EXPIRED;
    // A policy that does not count is reported by the check that asks for it, and lets nothing be missing.
    const found = await policy().catch(() => null);
    const until = found === null ? null : keptUntil(found, await files.record());
    return until === null || until > now ? NOTHING_EXPIRED : { paths: new Set(missing), until };
  });

  return {
    ...files,
    expired,
    trust,
    ledger,
    opening,
    closed: once(async () => closedLedger(await ledger())),
    journal,
    ledgerSha256: async () => (await wholeLedger()).sha256,
    policy,
    request,
    packBundle,
    pack,
    attempts,
    replay: once(async () =>
      replayTree(await ledger(), recordsByDigest(await attempts()), messagesOf(await journal()), TREE_PATHS.ledger),
    ),
  };
}
