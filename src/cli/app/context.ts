import type { ExitCode } from '../../contracts/errors.js';
import type { Output } from './output.js';

/** What every command receives; it reads nothing of the process by itself. */
export interface CommandContext {
  output(): Output;
  readonly cwd: string;
  /** What to type for this program here, such as `./bin/promptos -C shop`; `promptos` when absent. */
  readonly program?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sets the exit code of an answer that is "no". */
  exit(code: ExitCode): void;
}

export const programOf = ({ program }: Pick<CommandContext, 'program'>): string => program ?? 'promptos';
