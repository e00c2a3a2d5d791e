import { PromptOsError } from '../../contracts/errors.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import type { Output } from '../output.js';
import { printableLine } from '../printable.js';
import { publishedBundle } from '../published-bundle.js';
import { type PublishedRunFacts, readPublished, readPublishedRun } from '../published-run.js';
import { type AuditRepository, findCommit } from './audit-repository.js';
import { type Change, changeOfPatch } from './change.js';

/** A published run that an audit can compare with a repository. */
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

/** Says which runs an audit could not look at. */
export function noteUnreadable(output: Output, catalogue: RunCatalogue): void {
  for (const { run_id, bundle, code, message } of catalogue.unreadable()) {
    const what = bundle === undefined ? `run ${run_id} could not be read` : `bundle ${bundle} does not verify`;
    output.note(`NOTE: ${printableLine(what)}, and was left out: ${code}: ${printableLine(message)}`);
  }
}
