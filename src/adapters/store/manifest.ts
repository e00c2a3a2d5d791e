import { z } from 'zod';
import { PromptOsError } from '../../contracts/errors.js';
import { prettyJson, readJson } from '../../contracts/json.js';
import { type ArtifactRef, artifactRefSchema, instantSchema, runIdSchema } from '../../contracts/primitives.js';
import type { PublishedRun } from '../../ports/artifact-store.js';

const manifestSchema = z.strictObject({
  schema_version: z.literal(1),
  run_id: runIdSchema,
  published_at: instantSchema,
  files: z.array(artifactRefSchema),
});
/** What was published under a run's id, and when. */
export type Manifest = z.infer<typeof manifestSchema>;

/** The manifest of files that are published now. */
export const newManifest = (runId: string, files: readonly ArtifactRef[]): Manifest => ({
  schema_version: 1,
  run_id: runId,
  published_at: new Date().toISOString(),
  files: [...files],
});

export const manifestBytes = (manifest: Manifest): Uint8Array => new TextEncoder().encode(prettyJson(manifest));

/** @throws PromptOsError OBJECT_CORRUPT when the bytes are not the manifest of this run */
export function parseManifest(bytes: Uint8Array, runId: string): Manifest {
  const parsed = manifestSchema.safeParse(readJson(bytes));
  if (parsed.success && parsed.data.run_id === runId) return parsed.data;
  throw new PromptOsError('OBJECT_CORRUPT', `The manifest of the published run ${runId} is damaged.`);
}

const removalSchema = z.strictObject({
  schema_version: z.literal(1),
  run_id: runIdSchema,
  removed_at: instantSchema,
  paths: z.array(artifactRefSchema.shape.path),
});

/** What stays of files that were removed from a published tree: which they were, and when the last ones went. */
export type Removal = z.infer<typeof removalSchema>;

/** @throws PromptOsError OBJECT_CORRUPT when the bytes are not the note of this run */
export function parseRemoval(bytes: Uint8Array, runId: string): Removal {
  const parsed = removalSchema.safeParse(readJson(bytes));
  if (parsed.success && parsed.data.run_id === runId) return parsed.data;
  throw new PromptOsError('OBJECT_CORRUPT', `The note of what was removed from the run ${runId} is damaged.`);
}

/** The note of a further removal; null where it says nothing more than the one before. */
export function nextRemoval(runId: string, before: Removal | null, paths: readonly string[]): Uint8Array | null {
  const known = new Set(before?.paths);
  if (before !== null && paths.every((path) => known.has(path))) return null;
  const removal: Removal = {
    schema_version: 1,
    run_id: runId,
    removed_at: new Date().toISOString(),
    paths: [...new Set([...known, ...paths])].sort(),
  };
  return new TextEncoder().encode(prettyJson(removal));
}

/** The files that are left. */
export function withoutRemoved(files: readonly ArtifactRef[], removal: Removal | null): readonly ArtifactRef[] {
  if (removal === null) return files;
  const removed = new Set(removal.paths);
  return files.filter(({ path }) => !removed.has(path));
}

/** Bytes that were put longer ago are marked as put again: who removes old ones must see that they are needed. */
export const REFRESH_MS = 3_600_000;

/** The files in the one order that listings and comparisons use. */
export const sortedFiles = (files: readonly ArtifactRef[]): readonly ArtifactRef[] =>
  [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));

/** Whether two trees are the same to the last byte and media type. Both sorted. */
export const sameTree = (a: readonly ArtifactRef[], b: readonly ArtifactRef[]): boolean =>
  a.length === b.length &&
  a.every((file, index) => {
    const other = b[index];
    return (
      file.path === other?.path &&
      file.sha256 === other.sha256 &&
      file.bytes === other.bytes &&
      file.media_type === other.media_type
    );
  });

/** The refusal of a second tree under one run id. */
export const runTaken = (runId: string): PromptOsError =>
  new PromptOsError('RUN_ALREADY_PUBLISHED', `Run ${runId} is published with another tree.`);

/**
 * A file of a published tree.
 * @param files those of the tree; null when the run is not published
 * @throws PromptOsError RUN_NOT_PUBLISHED, OBJECT_NOT_FOUND
 */
export function publishedFile(files: readonly ArtifactRef[] | null, runId: string, path: string): ArtifactRef {
  if (files === null) throw notPublished(runId);
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) throw treeFileMissing(runId, path);
  return file;
}

export const notPublished = (runId: string): PromptOsError =>
  new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);

export const treeFileMissing = (runId: string, path: string): PromptOsError =>
  new PromptOsError('OBJECT_NOT_FOUND', `The published tree of ${runId} has no file ${path}.`);

/** The one order of listings: the newest first. */
export const newestFirst = (runs: readonly PublishedRun[]): readonly PublishedRun[] =>
  [...runs].sort((a, b) => b.published_at.getTime() - a.published_at.getTime() || (a.run_id < b.run_id ? 1 : -1));
