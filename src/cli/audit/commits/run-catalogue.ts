import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openBundleTree } from '../../../adapters/tree/bundle-tree.js';
import type { PolicyFile } from '../../../config/policy-file.js';
import { mediaTypeOf } from '../../../contracts/artifacts.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import type { RunRecord } from '../../../contracts/record/run-record.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { ReadableStore } from '../../../ports/artifact-store.js';
import type { TreeReader } from '../../../ports/tree-reader.js';
import { TREE_LIMITS } from '../../../verify/limits.js';
import { VerifyFailure } from '../../../verify/verify-codes.js';
import { type Failure, failureText, judgeTree, readRunRecord } from '../../../verify/verify-tree.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import {
  type PublishedRunFacts,
  publishedBundle,
  readPublished,
  readPublishedRun,
  type StoreCommandContext,
} from '../../app/published-run.js';
import { selectRun } from '../../app/select-run.js';
import { selectPublishedRun } from '../../runs/read/open-run.js';
import { type AuditRepository, findCommit } from './audit-repository.js';
import { type Change, changeOfPatch } from './change.js';

export interface AuditedRun extends PublishedRunFacts {
  readonly runId: string;
  /** The approved or last patch; null for a run that has none. */
  readonly patch: Buffer | null;
  /** SHA-256 of the run's bundle, made when it is first asked for. */
  bundleSha256(): Promise<string>;
}

/** A published tree that cannot be read: an audit goes on without it, and says so. */
export interface UnreadableRun {
  /** Null for a bundle, whose run nothing vouches for. */
  readonly run_id: string | null;
  readonly bundle?: string;
  readonly code: string;
  readonly message: string;
}

/** The published runs of a store, each read once. */
export interface RunCatalogue {
  readonly store: ReadableStore;
  /** Null when no such run is published. @throws PromptOsError OBJECT_CORRUPT, RECORD_INVALID, … */
  run(runId: string): Promise<AuditedRun | null>;
  /** Every run that can be read, newest first. */
  all(): Promise<readonly AuditedRun[]>;
  /** Bundles that do not verify. */
  readonly refused: readonly UnreadableRun[];
  /** Those of `all` that could not be read, known once it was called, and the refused bundles. */
  unreadable(): readonly UnreadableRun[];
  /** What the run's patch changes, as this repository shows it; null without a patch. */
  change(run: AuditedRun, repository: AuditRepository): Promise<Change | null>;
}

/** What an audit compares, and where its repository keeps exported sessions, relative to its top. */
export interface Audit {
  readonly repository: AuditRepository;
  readonly catalogue: RunCatalogue;
  readonly artifactsDir: string;
}

/**
 * @param store read, never written
 * @param refused bundles that are not part of it
 */
export function createRunCatalogue(store: ReadableStore, refused: readonly UnreadableRun[] = []): RunCatalogue {
  const runs = new Map<string, Promise<AuditedRun | null>>();
  const changes = new Map<string, Promise<Change | null>>();
  const unreadable = new Map<string, UnreadableRun>();
  const run: RunCatalogue['run'] = (runId) => remembered(runs, runId, () => readRun(store, runId));
  return {
    store,
    run,
    refused,
    all: async () => {
      const found: AuditedRun[] = [];
      for (const { run_id } of await store.list()) {
        try {
          const read = await run(run_id);
          if (read !== null) found.push(read);
        } catch (error) {
          if (!(error instanceof PromptOsError)) throw error;
          unreadable.set(run_id, { run_id, code: error.code, message: error.summary });
        }
      }
      return found;
    },
    unreadable: () => [...refused, ...unreadable.values()],
    change: ({ runId, record, patch }, repository) =>
      remembered(changes, `${repository.path}\0${runId}`, async () =>
        patch === null ? null : changeOfPatch(repository, await findCommit(repository, record.base_commit), patch),
      ),
  };
}

async function readRun(store: ReadableStore, runId: string): Promise<AuditedRun | null> {
  const files = await store.published(runId);
  if (files === null) return null;
  const facts = await readPublishedRun(store, runId);
  if (facts.record.run_id !== runId) {
    throw new PromptOsError('RECORD_INVALID', `The tree of run ${runId} holds the record of ${facts.record.run_id}.`);
  }
  const hasPatch = files.some(({ path }) => path === TREE_PATHS.patch);
  let bundle: Promise<string> | null = null;
  return {
    ...facts,
    runId,
    patch: hasPatch ? await readPublished(store, runId, TREE_PATHS.patch) : null,
    bundleSha256: () => {
      bundle ??= publishedBundle(store, runId).then(({ sha256 }) => sha256);
      return bundle;
    },
  };
}

function remembered<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}

export function noteUnreadable(output: Output, catalogue: RunCatalogue): void {
  for (const { run_id, bundle, code, message } of catalogue.unreadable()) {
    const what = bundle === undefined ? `run ${run_id} could not be read` : `bundle ${bundle} does not verify`;
    output.note(`NOTE: ${printableLine(what)}, and was left out: ${code}: ${printableLine(message)}`);
  }
}

interface BundledRun {
  readonly record: RunRecord;
  readonly place: string;
  readonly reader: TreeReader;
  readonly files: readonly ArtifactRef[];
}

/** A bundle that an audit does not look into, and why. */
/**
 * The runs of bundles, in place of a store. An attacker may have made a bundle, so each is verified first. One that does
 * not verify is refused whole: no later step reads any of it.
 * @throws PromptOsError FILE_NOT_READABLE, USAGE for two bundles of one run
 */
async function openBundledRuns(
  cwd: string,
  bundles: readonly string[],
  policies: readonly PolicyFile[],
): Promise<{ readonly store: ReadableStore; readonly refused: readonly UnreadableRun[] }> {
  const runs = new Map<string, BundledRun>();
  const refused: UnreadableRun[] = [];
  for (const bundle of bundles) {
    const place = resolve(cwd, bundle);
    const opened = await openBundle(place, policies);
    if ('failure' in opened) {
      refused.push({ run_id: null, bundle, code: opened.failure.code, message: failureText(opened.failure) });
      continue;
    }
    const { run_id } = opened.record;
    if (runs.has(run_id)) throw new PromptOsError('USAGE', `Two of the bundles hold run ${run_id}.`);
    runs.set(run_id, opened);
  }
  return { store: storeOf(runs), refused };
}

async function openBundle(
  place: string,
  policies: readonly PolicyFile[],
): Promise<BundledRun | { readonly failure: Failure }> {
  const reader = await openBundleTree(place);
  const record = await readRunRecord(reader);
  if (record instanceof VerifyFailure) return { failure: record };
  const { first } = await judgeTree(reader, { policies, runId: record.run_id, now: Date.now() });
  if (first?.failure) return { failure: first.failure };
  return { record, place, reader, files: await filesOf(reader, record) };
}

/** Every file of a verified tree. What the record does not list is the record itself and what the engine signed after it. */
async function filesOf(reader: TreeReader, { artifacts }: RunRecord): Promise<readonly ArtifactRef[]> {
  const listed = new Map(artifacts.map((file) => [file.path, file]));
  const files: ArtifactRef[] = [];
  for (const { path, bytes } of await reader.list(TREE_LIMITS)) {
    const known = listed.get(path);
    files.push(known ?? { path, media_type: mediaTypeOf(path), ...(await reader.digest(path, bytes)) });
  }
  return files;
}

function storeOf(runs: ReadonlyMap<string, BundledRun>): ReadableStore {
  const openPublished = (runId: string, path: string): AsyncIterable<Uint8Array> => {
    const run = runs.get(runId);
    if (run === undefined) throw new PromptOsError('RUN_NOT_PUBLISHED', `No bundle holds run ${runId}.`);
    return run.reader.openStream(path);
  };
  const place = (sha256: string): readonly [string, string] | null => {
    for (const [runId, { files }] of runs) {
      const file = files.find((one) => one.sha256 === sha256);
      if (file !== undefined) return [runId, file.path];
    }
    return null;
  };
  const openObject = (sha256: string): AsyncIterable<Uint8Array> => {
    const found = place(sha256);
    if (found === null) throw new PromptOsError('OBJECT_NOT_FOUND', `No bundle holds the object ${sha256}.`);
    return openPublished(...found);
  };
  const newestFirst = [...runs.values()]
    .map(({ record }) => ({ run_id: record.run_id, published_at: new Date(record.finished_at) }))
    .sort((a, b) => b.published_at.getTime() - a.published_at.getTime());
  return {
    hasObject: async (sha256) => place(sha256) !== null,
    openObject,
    readObject: async (sha256) => buffer(openObject(sha256)),
    published: async (runId) => runs.get(runId)?.files ?? null,
    openPublished,
    list: async () => newestFirst,
    locate: (runId) => runs.get(runId)?.place ?? runId,
  };
}

/**
 * Finds the requested run among those of an audit.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectAudited(
  context: StoreCommandContext,
  bundles: readonly string[],
  { store }: RunCatalogue,
  given: string,
): Promise<string> {
  if (bundles.length === 0) return selectPublishedRun(context, given, await context.openStore());
  // With bundles, the audit is about their runs, of any repository.
  const here = { what: 'the bundles', owns: async () => true };
  return (await selectRun(given, { store, journals: null, runs: null, here })).run_id;
}

/** The runs that an audit goes by: those of the bundles that were named, else those of the store of this place. */
export async function openCatalogue(
  context: StoreCommandContext,
  bundles: readonly string[],
  policies: readonly PolicyFile[],
): Promise<RunCatalogue> {
  if (bundles.length === 0) return createRunCatalogue(await context.openStore());
  const { store, refused } = await openBundledRuns(context.cwd, bundles, policies);
  return createRunCatalogue(store, refused);
}
