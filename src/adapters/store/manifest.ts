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
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) throw treeFileMissing(runId, path);
  return file;
}

export const treeFileMissing = (runId: string, path: string): PromptOsError =>
  new PromptOsError('OBJECT_NOT_FOUND', `The published tree of ${runId} has no file ${path}.`);

/** The one order of listings: the newest first. */
export const newestFirst = (runs: readonly PublishedRun[]): readonly PublishedRun[] =>
  [...runs].sort((a, b) => b.published_at.getTime() - a.published_at.getTime() || (a.run_id < b.run_id ? 1 : -1));
