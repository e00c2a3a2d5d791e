/** The outputs of a command. */
export type CommandOutput = 'stdout' | 'stderr';

/** Hears of a command while it runs. What it is given is the command's own text: nothing is masked. */
export interface CommandWatch {
  /** The command was started; it is stopped after so many milliseconds. */
  started(timeoutMs: number): void;
  printed(output: CommandOutput, chunk: Uint8Array): void;
}
