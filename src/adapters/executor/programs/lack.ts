import type { ErrorCode } from '../../../contracts/errors.js';

/** What an executor needs and this machine does not have. */
export interface Lack {
  readonly code: Extract<ErrorCode, 'EXECUTOR_KEY_MISSING' | 'EXECUTOR_NOT_FOUND'>;
  /** A sentence with what to do. */
  readonly message: string;
  /** In place of the hint of the code. */
  readonly hint?: string;
}
