import { createHash } from 'node:crypto';
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { syncFolder } from '../../platform/durable-files.js';
import { isShared } from './shared-folders.js';
import { writeError } from './store-errors.js';

/** Forces the entries of a folder and of every folder below it to the medium, deepest first. */
export async function syncFolders(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolders(join(path, entry.name));
  }
  await syncFolder(path);
}

/**
 * Writes a new read-only file to the medium, hashing on the way with flat memory. On any failure the file is gone.
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL; an error of the source comes through unchanged
 */
export async function writeNewFile(
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<StoredObject> {
  const hash = createHash('sha256');
  let bytes = 0;
  let ofSource: { readonly error: unknown } | null = null;
  async function* hashed(): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        hash.update(chunk);
        bytes += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      ofSource = { error };
      throw error;
    }
  }
  try {
    const handle = await open(path, 'wx', 0o444);
    try {
      if (await isShared(dirname(path))) await handle.chmod(0o440);
      await writeFile(handle, hashed());
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    if (ofSource !== null) throw (ofSource as { readonly error: unknown }).error;
    throw writeError(error, 'write');
  }
  return { sha256: hash.digest('hex'), bytes };
}
