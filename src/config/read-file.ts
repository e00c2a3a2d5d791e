import { readFile } from 'node:fs/promises';
import { type ErrorCode, PromptOsError } from '../contracts/errors.js';
import { systemCode } from '../contracts/system-code.js';

/**
 * The exact bytes of a file that a person named.
 * @param missing the code for a missing file
 * @throws PromptOsError `missing`, FILE_NOT_READABLE
 */
export async function readNamedFile(path: string, missing: ErrorCode): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
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
