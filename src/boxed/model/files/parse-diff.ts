import type { StructuredPatchHunk } from 'diff';
import { Refused } from './checkout-path.js';

/** What a diff does to one file; a name is null where the file is not there before or afterwards. */
export interface FileDiff {
  readonly before: string | null;
  readonly after: string | null;
  readonly hunks: readonly StructuredPatchHunk[];
}

/**
 * Reads a unified diff as models write it. The counts of lines in `@@` are often wrong, so a hunk ends where the next one or
 * the next file begins; places are looked for by their text.
 */
export function parseDiff(diff: string): readonly FileDiff[] {
  const lines = diff.replaceAll('\r\n', '\n').replace(/\n$/, '').split('\n');
  const files: FileDiff[] = [];
  for (let at = 0; at < lines.length; ) {
    if (!startsFile(lines, at)) {
      if (/^@@/.test(lines[at] ?? ''))
        throw new Refused('A hunk has no file: expected lines "--- a/path" and "+++ b/path".');
      at += 1;
      continue;
    }
    const [before, after] = [nameIn(lines[at] ?? ''), nameIn(lines[at + 1] ?? '')];
    const hunks: StructuredPatchHunk[] = [];
    at += 2;
    while (at < lines.length && /^@@/.test(lines[at] ?? '')) {
      const end = endOfHunk(lines, at + 1);
      hunks.push(readHunk(lines[at] ?? '', lines.slice(at + 1, end)));
      at = end;
    }
    files.push({ before, after, hunks });
  }
  if (files.length === 0)
    throw new Refused('There is no file in the diff: expected lines "--- a/path" and "+++ b/path".');
  return files;
}

const startsFile = (lines: readonly string[], at: number): boolean =>
  /^--- \S/.test(lines[at] ?? '') && /^\+\+\+ \S/.test(lines[at + 1] ?? '');

function nameIn(line: string): string | null {
  const name = line.slice(4).split('\t')[0]?.trim() ?? '';
  if (name === '/dev/null') return null;
  const plain = /^".*"$/.test(name) ? name.slice(1, -1) : name;
  return plain.replace(/^[ab]\//, '');
}

function endOfHunk(lines: readonly string[], from: number): number {
  let at = from;
  while (
    at < lines.length &&
    !/^(?:@@|diff --git |index [0-9a-f]+\.\.)/.test(lines[at] ?? '') &&
    !startsFile(lines, at)
  )
    at += 1;
  // Empty lines that end a hunk are between files: an empty line of context has its space, and is matched without it else.
  return at;
}

function readHunk(header: string, body: readonly string[]): StructuredPatchHunk {
  const start = Number(/^@@ -(\d+)/.exec(header)?.[1] ?? 1);
  const lines = trimEmptyEnd(body).map((line) => (line === '' ? ' ' : line));
  const wrong = lines.find((line) => !/^[ +\-\\]/.test(line));
  if (wrong !== undefined) {
    throw new Refused(`A line of a hunk begins with none of " ", "+" and "-": ${JSON.stringify(wrong.slice(0, 80))}.`);
  }
  const count = (signs: string): number => lines.filter((line) => signs.includes(line[0] ?? '')).length;
  const [oldLines, newLines] = [count(' -'), count(' +')];
  return { oldStart: Math.max(start, 1), oldLines, newStart: Math.max(start, 1), newLines, lines };
}

/** Without the empty lines that models leave between hunks and at the end. */
function trimEmptyEnd(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => line !== '');
  return lines.slice(0, last + 1);
}
