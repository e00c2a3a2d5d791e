import type { GateProgress } from '../../contracts/gate-progress.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { Output } from '../app/output.js';
import { printable, printableLine } from '../app/printable.js';
import {
  type AttemptName,
  describeAttempt,
  keptLogs,
  logsNotFound,
  type StartedAttempt,
  type WantedAttempt,
} from './attempt-logs.js';

/** Characters after which a line is broken: whoever prints no line end must not fill the memory. */
const LONGEST_LINE = 16 * 1_024;

/** Prints logs line by line, each below the name of the output that it is of. What a terminal would obey is shown instead. */
export interface LogPrinter {
  text(attempt: AttemptName, path: string, text: string): void;
  /** Characters are missing here. */
  gap(attempt: AttemptName, path: string, characters: number): void;
  /** Prints the lines that have not ended. */
  flush(): void;
}

interface OpenLine extends AttemptName {
  readonly path: string;
  text: string;
}

export function createLogPrinter(output: Output): LogPrinter {
  const lines = new Map<string, OpenLine>();
  let heading = '';

  const lineOf = (attempt: AttemptName, path: string): OpenLine => {
    const name = `${describeAttempt(attempt)}: ${path}`;
    const known = lines.get(name) ?? { gate: attempt.gate, attempt: attempt.attempt, path, text: '' };
    lines.set(name, known);
    return known;
  };
  const below = (line: OpenLine, text: string, event: object) => {
    const { gate, attempt, path } = line;
    if (output.json) return output.emit({ ...event, gate, attempt, path });
    const name = `==> ${describeAttempt(line)}: ${printableLine(path, 200)} <==`;
    if (name !== heading) output.say(name);
    heading = name;
    output.say(text);
  };
  const print = (line: OpenLine, text: string) => below(line, printable(text), { event: 'log', line: text });
  const end = (line: OpenLine) => {
    if (line.text !== '') print(line, line.text.replace(/\r$/, ''));
    line.text = '';
  };
  return {
    text(attempt, path, text) {
      const line = lineOf(attempt, path);
      // The end of a line may be in two pieces: a "\r" at the end waits for what follows.
      const parts = `${line.text}${text}`.split(/\r\n|\n|\r(?!$)/);
      line.text = parts.pop() ?? '';
      for (const part of parts) print(line, part);
      while (line.text.length > LONGEST_LINE) {
        print(line, line.text.slice(0, LONGEST_LINE));
        line.text = line.text.slice(LONGEST_LINE);
      }
    },
    gap(attempt, path, characters) {
      const line = lineOf(attempt, path);
      end(line);
      below(line, `[${characters} characters left out]`, { event: 'gap', characters });
    },
    flush() {
      for (const line of lines.values()) end(line);
      lines.clear();
    },
  };
}

/** How far each output of an attempt was printed, in characters. */
export type Printed = Map<string, number>;

/**
 * Prints what an attempt kept, from where `printed` ends on.
 * @returns whether there was anything at all
 */
export async function printKept(
  store: ArtifactStore,
  attempt: AttemptName & { readonly output_sha256: string },
  printer: LogPrinter,
  printed: Printed = new Map(),
): Promise<boolean> {
  let any = false;
  for (const { path, sha256, bytes } of await keptLogs(store, attempt.output_sha256)) {
    if (bytes === 0) continue;
    any = true;
    let passed = printed.get(path) ?? 0;
    const decoder = new TextDecoder();
    for await (const chunk of store.openObject(sha256)) {
      const text = decoder.decode(chunk, { stream: true });
      printer.text(attempt, path, text.slice(passed));
      passed = Math.max(0, passed - text.length);
    }
    printer.text(attempt, path, decoder.decode());
    printer.flush();
  }
  return any;
}

/** Prints the newest of the attempts, which has ended. @throws PromptOsError LOGS_NOT_FOUND, and what the store fails with */
export async function printEnded(
  store: ArtifactStore,
  { attempts, wanted }: { readonly attempts: readonly StartedAttempt[]; readonly wanted: WantedAttempt },
  printer: LogPrinter,
  output: Output,
): Promise<void> {
  const newest = attempts.at(-1);
  if (newest?.output_sha256 == null) throw logsNotFound(wanted, attempts);
  const { output_sha256 } = newest;
  const any = await printKept(store, { ...newest, output_sha256 }, printer);
  if (!any) output.note(`${describeAttempt(newest)} printed nothing`);
}

/**
 * Prints what a heartbeat has that was not printed yet.
 * @returns whether something between is missing
 */
export function printLive({ gate, attempt, output }: GateProgress, printer: LogPrinter, printed: Printed): boolean {
  let missing = false;
  for (const piece of output) {
    const path = printableLine(piece.path, 200);
    const before = printed.get(path) ?? 0;
    // Less than before: the worker has ended, and another one carries the attempt out from the start.
    const done = piece.end < before && piece === output.findLast((one) => one.path === piece.path) ? 0 : before;
    if (piece.end <= done) continue;
    const start = piece.end - piece.text.length;
    if (start > done) {
      missing = true;
      printer.gap({ gate, attempt }, path, start - done);
    }
    printer.text({ gate, attempt }, path, piece.text.slice(Math.max(0, done - start)));
    printed.set(path, piece.end);
  }
  return missing;
}
