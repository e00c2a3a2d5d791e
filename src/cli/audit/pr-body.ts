const HEAD = '> **Governed Session**';

/** The lines that existing tooling reads, and that must be there exactly. */
export const REQUIRED_LINES = 6;

/** A block of a description: its lines, without the carriage returns that web forms add. */
export type PrBlockLines = readonly string[];

/** The blocks of a description as its readers see them: not inside a comment, nor inside a block of code. */
export function findPrBlocks(body: string): readonly PrBlockLines[] {
  const lines = visibleLines(body);
  return lines.flatMap((line, start) => {
    if (line !== HEAD) return [];
    const end = lines.findIndex((other, index) => index > start && !other.startsWith('> - '));
    return [lines.slice(start, end === -1 ? lines.length : end)];
  });
}

function visibleLines(body: string): readonly string[] {
  let fence: string | null = null;
  return body
    .replaceAll('\r\n', '\n')
    .replaceAll(/<!--[\s\S]*?(?:-->|$)/g, '')
    .split('\n')
    .filter((line) => {
      const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
      if (fence === null) {
        fence = mark ?? null;
        return fence === null;
      }
      const closes = mark?.startsWith(fence) && line.trim() === mark;
      if (closes) fence = null;
      return false;
    });
}

/** The run that a block names in the line that is our own; null when it has none. */
export const runOfBlock = (block: PrBlockLines): string | null =>
  block.map((line) => /^> - Run: `([^`]+)`/.exec(line)?.[1]).find((run) => run !== undefined) ?? null;

/**
 * Where a block differs from what it should be, one sentence each: a required line that is another or is not there, or
 * a line of our own that says something else. Lines that we do not know may follow.
 */
export function compareBlock(block: PrBlockLines, expected: PrBlockLines): readonly string[] {
  const key = (line: string): string => line.slice(0, line.indexOf(':') + 1);
  const ours = new Map(expected.slice(REQUIRED_LINES).map((line) => [key(line), line]));
  const required = expected.slice(0, REQUIRED_LINES).flatMap((line, index) => {
    const found = block[index];
    return found === line ? [] : [`line ${index + 1} should be ${quoted(line)}, it is ${quoted(found)}`];
  });
  const more = block.slice(REQUIRED_LINES).flatMap((line) => {
    const wanted = ours.get(key(line));
    return wanted === undefined || wanted === line ? [] : [`expected ${quoted(wanted)}, found ${quoted(line)}`];
  });
  return [...required, ...more];
}

const quoted = (line: string | undefined): string => (line === undefined ? 'missing' : JSON.stringify(line));
