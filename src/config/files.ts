import { createReadStream, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { placeFiles, type WholeFile } from '../adapters/platform/durable-files.js';
import { makeFolders } from '../adapters/platform/make-folders.js';
import { type ErrorCode, messageOf, PromptOsError, systemCode, writeFailure } from '../contracts/errors.js';

/** No document that a person names is larger, and no patch. */
const MOST_MIB = 256;

/**
 * All bytes of an input. A device has no end, so no more is read than a document can have.
 * @param name what messages call it
 * @throws PromptOsError FILE_NOT_READABLE
 */
export async function readBounded(pieces: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.byteLength;
    if (bytes > MOST_MIB * 1_048_576) {
      throw new PromptOsError('FILE_NOT_READABLE', `${name}: expected at most ${MOST_MIB} MiB, received more.`, {
        hint: 'Name a file that is no device, and that is smaller.',
      });
    }
    kept.push(piece);
  }
  return Buffer.concat(kept);
}

/**
 * The exact bytes of a file that a person named, a pipe included.
 * @param missing the code for a missing file
 * @throws PromptOsError `missing`, FILE_NOT_READABLE
 */
export async function readNamedFile(path: string, missing: ErrorCode): Promise<Uint8Array> {
  try {
    return await readBounded(createReadStream(path), path);
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new PromptOsError(missing, `There is no file ${path}.`, { cause: error });
    }
    const received = code === 'EISDIR' ? 'a folder' : (code ?? String(error));
    throw new PromptOsError('FILE_NOT_READABLE', `${path}: expected a file that can be read, received ${received}.`, {
      cause: error,
    });
  }
}

const existing = (paths: readonly string[]): PromptOsError =>
  new PromptOsError('FILE_EXISTS', `Nothing was replaced: there is ${paths.join(' and ')} already.`);

/** @throws PromptOsError FILE_EXISTS naming all that are there */
export function refuseExistingFiles(paths: readonly string[]): void {
  const taken = paths.filter((path) => existsSync(path));
  if (taken.length > 0) throw existing(taken);
}

/**
 * Writes files that a person will own, each whole or not at all. Without `replace` none is ever overwritten, also not by a
 * race.
 * @throws PromptOsError FILE_EXISTS naming all that are there; DISK_FULL, FILE_NOT_READABLE when the folder cannot be written
 */
export async function writeNewFiles(files: readonly WholeFile[], replace: boolean): Promise<void> {
  if (!replace) refuseExistingFiles(files.map(({ path }) => path));
  try {
    for (const { path } of files) await makeFolders(dirname(path));
    await placeFiles(files, { replace });
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && error instanceof Error && 'dest' in error)
      throw existing([String(error.dest)]);
    throw writeFailure(`${files.map(({ path }) => path).join(', ')}: cannot be written (${messageOf(error)}).`, error);
  }
}
