import {
  ERROR_CATALOGUE,
  type ExitCode,
  isDiskFull,
  limitHint,
  messageOf,
  PromptOsError,
  systemCode,
  writeFailure,
} from '../../contracts/errors.js';
import type { Output } from './output.js';
import { printable, printableLine } from './printable.js';

export interface ReportedError {
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

/** What a file system refuses to any program. */
const REFUSED = ['EROFS', 'EACCES', 'EPERM'];
/** Folders are made with what is missing above them: where one cannot be, such as below a file, the path was a wrong one. */
const MAKES_FOLDERS = /^mkd/;

/** An error of the catalogue; what the machine refuses to a file is no defect of this program, wherever it comes up. */
function known(error: unknown): PromptOsError | null {
  if (error instanceof PromptOsError) return error;
  const makesFolder = error instanceof Error && 'syscall' in error && MAKES_FOLDERS.test(`${error.syscall}`);
  const refused =
    error instanceof Error && 'path' in error && (makesFolder || REFUSED.includes(systemCode(error) ?? ''));
  return refused || isDiskFull(error) || limitHint(error) !== undefined
    ? writeFailure(`The system refused a file: ${messageOf(error)}.`, error)
    : null;
}

/** An error as it is reported. One without a code is a defect: one line, and no stack trace. */
export function describeError(thrown: unknown): ReportedError {
  const error = known(thrown) ?? thrown;
  if (error instanceof PromptOsError) {
    const next = error.message.slice(error.summary.length).trim();
    return { code: error.code, message: error.summary, next };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'INTERNAL', message: text, next: ERROR_CATALOGUE.INTERNAL.hint };
}

/**
 * Reports an error on standard error, and with `--json` on standard output too.
 * @param details whether the stack trace is wanted
 * @returns what the process ends with
 */
export function reportError(error: unknown, output: Output, details: boolean): ExitCode {
  const { code, message, next } = describeError(error);
  const shown = error instanceof PromptOsError ? printable(message) : printableLine(message);
  output.note(`error ${code}: ${shown}\n  next: ${printable(next)}`);
  if (details && error instanceof Error) output.note(printable(error.stack ?? ''));
  output.emit({ error: { code, message, next } });
  return known(error)?.exitCode ?? ERROR_CATALOGUE.INTERNAL.exit;
}

/** Whether nothing could be asked since no Temporal is there. */
export const isNoServer = (error: unknown): boolean =>
  error instanceof PromptOsError && (error.code === 'SERVER_NOT_RUNNING' || error.code === 'TEMPORAL_UNREACHABLE');
