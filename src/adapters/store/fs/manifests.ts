import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../../contracts/system-code.js';
import { syncFolder } from '../../platform/durable-files.js';
import { type Manifest, manifestBytes, parseManifest } from '../manifest.js';
import { writeNewFile } from './durable-files.js';
import { makeFolder } from './shared-folders.js';
import { readError } from './store-errors.js';
import { type StoreLayout, stagedPath } from './store-layout.js';

/**
 * A run's manifest, or null when nothing was ever committed under its id.
 * @throws PromptOsError OBJECT_CORRUPT when it cannot be read as one
 */
export async function readManifest({ manifests }: StoreLayout, runId: string): Promise<Manifest | null> {
  const bytes = await readFile(join(manifests, runId, 'manifest.json')).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw readError(error, `read the manifest of ${runId}`);
  });
  return bytes === null ? null : parseManifest(bytes, runId);
}

/**
 * Commits a run to its tree. A folder with the manifest inside is moved into place: unlike a file it cannot replace
 * another, so of several publishers one wins, on every file system.
 * @returns whether this manifest won
 */
export async function commitManifest({ manifests, staging }: StoreLayout, manifest: Manifest): Promise<boolean> {
  const staged = stagedPath(staging);
  try {
    await makeFolder(staged);
    await writeNewFile(join(staged, 'manifest.json'), manifestBytes(manifest));
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
