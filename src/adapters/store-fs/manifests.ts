import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PromptOsError } from '../../contracts/errors.js';
import { type ArtifactRef, artifactRefSchema, instantSchema, runIdSchema } from '../../contracts/primitives.js';
import { syncFolder, writeNewFile } from './durable-files.js';
import { makeFolder } from './shared-folders.js';
import { stagingPath } from './staging.js';
import { readError, systemCode } from './store-errors.js';
import type { StoreLayout } from './store-layout.js';

const manifestSchema = z.strictObject({
  schema_version: z.literal(1),
  run_id: runIdSchema,
  published_at: instantSchema,
  files: z.array(artifactRefSchema),
});
/** What was published under a run's id, and when. */
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * A run's manifest, or null when nothing was ever committed under its id.
 * @throws PromptOsError OBJECT_CORRUPT when it cannot be read as one
 */
export async function readManifest({ manifests }: StoreLayout, runId: string): Promise<Manifest | null> {
  let text: string;
  try {
    text = await readFile(join(manifests, runId, 'manifest.json'), 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw readError(error, `read the manifest of ${runId}`);
  }
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (parsed.success && parsed.data.run_id === runId) return parsed.data;
  throw new PromptOsError('OBJECT_CORRUPT', `The manifest of the published run ${runId} is damaged.`);
}

/**
 * Commits a run to its tree. A folder with the manifest inside is moved into place: unlike a file it cannot replace
 * another, so of several publishers one wins, on every file system.
 * @returns whether this manifest won
 */
export async function commitManifest({ manifests, staging }: StoreLayout, manifest: Manifest): Promise<boolean> {
  const staged = stagingPath(staging);
  try {
    await makeFolder(staged);
    await writeNewFile(join(staged, 'manifest.json'), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    await syncFolder(staged);
    await rename(staged, join(manifests, manifest.run_id));
    await syncFolder(manifests);
    return true;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    if (isTaken(error)) return false;
    throw error;
  }
}

/** Whether a folder could not be moved since another one is there. */
export const isTaken = (error: unknown): boolean => ['EEXIST', 'ENOTEMPTY'].includes(systemCode(error) ?? '');

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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
