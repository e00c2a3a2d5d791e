import { PromptOsError } from '../../contracts/errors.js';
import { TREE_PATHS } from '../../governance/published-tree.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { Output } from '../output.js';
import { printableLine } from '../printable.js';
import { type PublishedRunFacts, readPublished, readPublishedRun } from '../published-run.js';
import { type AuditRepository, findCommit } from './audit-repository.js';
import { type Change, changeOfPatch } from './change.js';

/** A published run that an audit can compare with a repository. */
export interface AuditedRun extends PublishedRunFacts {
  readonly runId: string;
  /** The approved or last patch; null for a run that has none. */
  readonly patch: Buffer | null;
}

/** A published tree that cannot be read: an audit goes on without it, and says so. */
export interface UnreadableRun {
  readonly run_id: string;
  readonly code: string;
  readonly message: string;
}

/** The published runs of a store, each read once. */
export interface RunCatalogue {
  readonly store: ArtifactStore;
  /** Null when no such run is published. @throws PromptOsError OBJECT_CORRUPT, RECORD_INVALID, … */
  run(runId: string): Promise<AuditedRun | null>;
  /** Every run that can be read, newest first. */
  all(): Promise<readonly AuditedRun[]>;
  /** Those of `all` that could not be read; empty before it was called. */
  unreadable(): readonly UnreadableRun[];
  /** What the run's patch changes, as this repository shows it; null without a patch. */
  change(run: AuditedRun, repository: AuditRepository): Promise<Change | null>;
}

/** @param store read, never written */
export function createRunCatalogue(store: ArtifactStore): RunCatalogue {
  const runs = new Map<string, Promise<AuditedRun | null>>();
  const changes = new Map<string, Promise<Change | null>>();
  const unreadable = new Map<string, UnreadableRun>();
  const run: RunCatalogue['run'] = (runId) => remembered(runs, runId, () => readRun(store, runId));
  return {
    store,
    run,
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
    unreadable: () => [...unreadable.values()],
    change: ({ runId, record, patch }, repository) =>
      remembered(changes, `${repository.path}\0${runId}`, async () =>
        patch === null ? null : changeOfPatch(repository, await findCommit(repository, record.base_commit), patch),
      ),
  };
}

async function readRun(store: ArtifactStore, runId: string): Promise<AuditedRun | null> {
  const files = await store.published(runId);
  if (files === null) return null;
  const facts = await readPublishedRun(store, runId);
  if (facts.record.run_id !== runId) {
    throw new PromptOsError('RECORD_INVALID', `The tree of run ${runId} holds the record of ${facts.record.run_id}.`);
  }
  const hasPatch = files.some(({ path }) => path === TREE_PATHS.patch);
  return { ...facts, runId, patch: hasPatch ? await readPublished(store, runId, TREE_PATHS.patch) : null };
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
  for (const { run_id, code, message } of catalogue.unreadable()) {
    output.note(`NOTE: run ${run_id} could not be read, and was left out: ${code}: ${printableLine(message)}`);
  }
}
