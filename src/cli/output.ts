import type { Writable } from 'node:stream';
import { createLiveLines, type Terminal } from './live-lines.js';
import { printableJson } from './printable.js';

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
  /** Whether `live` shows anything. */
  readonly redraws: boolean;
  /** A line for a person. */
  say(text?: string): void;
  /** A line for a person on standard error: progress, warnings. */
  note(text: string): void;
  /** Lines that the next ones replace, and that go as soon as anything else is written. Shown on a terminal only. */
  live(lines: readonly string[]): void;
  /** One object for a program; written with `--json` only. */
  emit(value: object): void;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly stdout: Terminal & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly stdinIsTerminal: boolean;
  readonly noColor: boolean;
  /** Whether a terminal can be drawn on again; not when absent. */
  readonly canRedraw?: boolean;
}

export function createOutput({
  json,
  stdout,
  stderr,
  stdinIsTerminal,
  noColor,
  canRedraw = false,
}: OutputOptions): Output {
  const terminal = stdout.isTTY === true;
  const redraws = terminal && !json && canRedraw;
  const live = createLiveLines(stdout);
  const write = (stream: Writable, text: string) => {
    live.erase();
    stream.write(text);
  };
  return {
    json,
    interactive: terminal && stdinIsTerminal && !json,
    color: terminal && !noColor && !json,
    redraws,
    say: (text = '') => write(json ? stderr : stdout, `${text}\n`),
    note: (text) => write(stderr, `${text}\n`),
    live: (lines) => {
      if (redraws) live.draw(lines);
    },
    emit: (value) => {
      if (json) stdout.write(`${printableJson(value)}\n`);
    },
  };
}
