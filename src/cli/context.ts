import type { ExitCode } from '../contracts/errors.js';
import type { Output } from './output.js';

/** What every command receives; it reads nothing of the process by itself. */
export interface CommandContext {
  /** The output of this invocation, once the options are parsed. */
  output(): Output;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sets the exit code of an answer that is "no". */
  exit(code: ExitCode): void;
}
