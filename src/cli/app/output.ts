import type { Writable } from 'node:stream';
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

/** A terminal that lines can be drawn on again. */
export type Terminal = Writable & { readonly columns?: number; readonly rows?: number };

export interface LiveLines {
  /** Draws these in place of those that are there. */
  draw(lines: readonly string[]): void;
  /** Takes away what is drawn, so that something else can be written. */
  erase(): void;
}

const UP_AND_CLEAR = (count: number): string => (count === 0 ? '' : `\u001b[${count}A\r\u001b[J`);
/** Between the two a terminal breaks no line: one that is too wide is cut, and the count of lines stays right. */
const [NO_WRAP, WRAP] = ['\u001b[?7l', '\u001b[?7h'];

/**
 * Each drawing is one write that ends at the beginning of a line, with the cursor shown and line breaks on: whenever the
 * program ends, also by Ctrl-C, the terminal is as it was.
 */
export function createLiveLines(terminal: Terminal): LiveLines {
  let drawn: readonly string[] = [];
  const replace = (lines: readonly string[]) => {
    const text = lines.length === 0 ? '' : `${NO_WRAP}${lines.map((line) => `${line}\n`).join('')}${WRAP}`;
    const before = UP_AND_CLEAR(drawn.length);
    drawn = lines;
    if (before + text !== '') terminal.write(before + text);
  };
  return {
    draw: (lines) => {
      const fitting = fit(lines, terminal);
      if (fitting.join('\n') !== drawn.join('\n')) replace(fitting);
    },
    erase: () => replace([]),
  };
}

/** What a terminal has room for: it can only be drawn on again where nothing has scrolled away. */
function fit(lines: readonly string[], { columns = 80, rows = 24 }: Terminal): readonly string[] {
  const most = Math.max(1, rows - 2);
  const shown = lines.length > most ? [...lines.slice(0, most - 1), '…'] : lines;
  return shown.map((line) => (line.length > columns ? `${line.slice(0, columns - 1).toWellFormed()}…` : line));
}
