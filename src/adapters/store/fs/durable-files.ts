import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type ErrorCode, PromptOsError, systemCode } from '../../../contracts/errors.js';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { syncFolder } from '../../platform/durable-files.js';

const WRITE_ERRORS: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'STORE_NOT_WRITABLE',
  EPERM: 'STORE_NOT_WRITABLE',
  EROFS: 'STORE_NOT_WRITABLE',
  ENOTDIR: 'STORE_NOT_WRITABLE',
  EISDIR: 'STORE_NOT_WRITABLE',
  EEXIST: 'STORE_NOT_WRITABLE',
  ENOENT: 'STORE_NOT_WRITABLE',
  ENOSPC: 'STORE_FULL',
  EDQUOT: 'STORE_FULL',
};

const READ_ERRORS: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'STORE_NOT_READABLE',
  EPERM: 'STORE_NOT_READABLE',
  ENOTDIR: 'STORE_NOT_READABLE',
};

/** What a failed write into the store means; an error that says nothing about the store comes back as it is. */
export const writeError = (error: unknown, doing: string): unknown => translate(error, doing, WRITE_ERRORS);

/** What a failed read from the store means, apart from missing files. */
export const readError = (error: unknown, doing: string): unknown => translate(error, doing, READ_ERRORS);

function translate(error: unknown, doing: string, table: Readonly<Record<string, ErrorCode>>): unknown {
  const code = table[systemCode(error) ?? ''];
  if (code === undefined) return error;
  return new PromptOsError(code, `The artifact store could not ${doing}: ${(error as Error).message}.`, {
    cause: error,
  });
}

/** Set-group-ID and writable by the group: how a folder says that a group shares it. */
const SHARED = 0o2020;

/** The permissions that folders in a shared folder get, whatever a user's umask says; null for one that is not shared. */
async function sharedMode(folder: string): Promise<number | null> {
  const { mode } = await stat(folder);
  return (mode & SHARED) === SHARED ? mode & 0o7777 : null;
}

/** Whether a group shares a folder: then whatever is made in it is for the group too. */
const isShared = async (folder: string): Promise<boolean> => (await sharedMode(folder)) !== null;

/** Makes a folder; in a shared one with the permissions of that one. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path);
  const mode = await sharedMode(dirname(path));
  if (mode !== null) await chmod(path, mode);
}

/** Makes the folders of a relative path below one that exists. Several callers may make the same folders at once. */
export async function makeFolders(below: string, path: string): Promise<void> {
  const mode = await sharedMode(below);
  let folder = below;
  for (const name of path.split(sep).filter((part) => part !== '.')) {
    folder = join(folder, name);
    await mkdir(folder).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    // Also for a folder that another caller has just made: its own turn to change the permissions may come later.
    if (mode !== null) await chmod(folder, mode);
  }
}

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
