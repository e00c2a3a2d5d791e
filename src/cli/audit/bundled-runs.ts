import { resolve } from 'node:path';
import { openBundleTree } from '../../adapters/tree/bundle-tree.js';
import type { PolicyFile } from '../../config/policy-file.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { RunRecord } from '../../contracts/run-record.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import type { TreeReader } from '../../ports/tree-reader.js';
import { judgeTree, readRunRecord, TREE_LIMITS, VerifyFailure } from '../../verify/index.js';

/** A run whose bundle verifies. */
interface BundledRun {
  readonly record: RunRecord;
  /** The absolute path of the bundle. */
  readonly place: string;
  readonly reader: TreeReader;
  readonly files: readonly ArtifactRef[];
}

/** A bundle that an audit does not look into, and why. */
export interface RefusedBundle {
  readonly run_id: null;
  readonly bundle: string;
  readonly code: string;
  readonly message: string;
}

export interface BundledRuns {
  readonly store: ReadableStore;
  readonly refused: readonly RefusedBundle[];
}

/**
 * The runs of bundles, in place of a store. Whoever made a bundle may be an attacker, so each is verified first and one
 * that does not verify is refused whole: nothing of it is read by what comes after.
 * @throws PromptOsError FILE_NOT_READABLE, USAGE for two bundles of one run
 */
export async function openBundledRuns(
  cwd: string,
  bundles: readonly string[],
  policies: readonly PolicyFile[],
): Promise<BundledRuns> {
  const runs = new Map<string, BundledRun>();
  const refused: RefusedBundle[] = [];
  for (const bundle of bundles) {
    const place = resolve(cwd, bundle);
    const opened = await openBundle(place, policies);
    if ('failure' in opened) {
      const { code, message, path, expected, found } = opened.failure;
      const where = `${path ?? 'the tree'}: expected ${expected}, found ${found}`;
      refused.push({ run_id: null, bundle, code, message: `${message} (${where})` });
      continue;
    }
    const { run_id } = opened.record;
    if (runs.has(run_id)) throw new PromptOsError('USAGE', `Two of the bundles hold run ${run_id}.`);
    runs.set(run_id, opened);
  }
  return { store: storeOf(runs), refused };
}

type Failure = Pick<VerifyFailure, 'code' | 'message' | 'path' | 'expected' | 'found'>;

async function openBundle(
  place: string,
  policies: readonly PolicyFile[],
): Promise<BundledRun | { readonly failure: Failure }> {
  const reader = await openBundleTree(place);
  const record = await readRunRecord(reader);
  if (record instanceof VerifyFailure) return { failure: record };
  const { first } = await judgeTree(reader, { policies, runId: record.run_id });
  if (first?.failure) return { failure: first.failure };
  return { record, place, reader, files: await filesOf(reader, record) };
}

/** Every file of a verified tree. What the record does not list is the record itself and what the engine signed after it. */
async function filesOf(reader: TreeReader, { artifacts }: RunRecord): Promise<readonly ArtifactRef[]> {
  const listed = new Map(artifacts.map((file) => [file.path, file]));
  const files: ArtifactRef[] = [];
  for (const { path, bytes } of await reader.list(TREE_LIMITS)) {
    const file = listed.get(path) ?? {
      path,
      media_type: 'application/octet-stream',
      ...(await reader.digest(path, bytes)),
    };
    files.push(file);
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
    readObject: async (sha256) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of openObject(sha256)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    published: async (runId) => runs.get(runId)?.files ?? null,
    openPublished,
    list: async () => newestFirst,
    locate: (runId) => runs.get(runId)?.place ?? runId,
  };
}
