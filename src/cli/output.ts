import type { Writable } from 'node:stream';

/**
 * Where a command writes. With `--json`, standard output carries nothing but one JSON object a line, and everything
 * said to a person goes to standard error.
 */
export interface Output {
  readonly json: boolean;
  /** Whether a person sits at both ends, so that questions may be asked. */
  readonly interactive: boolean;
  /** Whether colour escapes are wanted on what `say` writes. */
  readonly color: boolean;
  /** A line for a person. */
  say(text?: string): void;
  /** A line for a person on standard error: progress, warnings. */
  note(text: string): void;
  /** One object for a program; written with `--json` only. */
  emit(value: object): void;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly stdinIsTerminal: boolean;
  readonly noColor: boolean;
}

export function createOutput({ json, stdout, stderr, stdinIsTerminal, noColor }: OutputOptions): Output {
  const terminal = stdout.isTTY === true;
  return {
    json,
    interactive: terminal && stdinIsTerminal && !json,
    color: terminal && !noColor && !json,
    say: (text = '') => (json ? stderr : stdout).write(`${text}\n`),
    note: (text) => stderr.write(`${text}\n`),
    emit: (value) => {
      if (json) stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}
