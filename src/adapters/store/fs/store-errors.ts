import { type ErrorCode, PromptOsError } from '../../../contracts/errors.js';
import { systemCode } from '../../../contracts/system-code.js';

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

/** What a failed read from the store means, apart from files that are not there. */
export const readError = (error: unknown, doing: string): unknown => translate(error, doing, READ_ERRORS);

function translate(error: unknown, doing: string, table: Readonly<Record<string, ErrorCode>>): unknown {
  const code = table[systemCode(error) ?? ''];
  if (code === undefined) return error;
  return new PromptOsError(code, `The artifact store could not ${doing}: ${(error as Error).message}.`, {
    cause: error,
  });
}
