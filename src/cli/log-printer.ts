import { type AttemptName, describeAttempt } from './attempt-logs.js';
import type { Output } from './output.js';
import { printable, printableLine } from './printable.js';

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
