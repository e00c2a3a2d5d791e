import { applyPatch, type StructuredPatchHunk } from 'diff';
import { checkoutPath, Refused } from './checkout-path.js';
import { readText } from './read-files.js';
import { removeFile, writeText } from './write-file.js';

/** A change of one file that is known to apply. */
type Change = { readonly path: string; readonly text: string | null };

/**
 * Applies a unified diff to the checkout, all of it or nothing.
 * @returns the paths that changed
 * @throws Refused for a hunk that does not apply, or a path outside
 */
export function applyDiff(root: string, diff: string): readonly string[] {
  const changes = parseDiff(diff).flatMap((file) => changesOf(root, file));
  const twice = changes.find(({ path }, index) => changes.findIndex((other) => other.path === path) !== index);
  if (twice !== undefined)
    throw new Refused(`The diff has "${twice.path}" more than once: expected all its hunks together.`);
  for (const { path, text } of changes) {
    if (text === null) removeFile(root, path);
    else writeText(root, path, text);
  }
  return changes.map(({ path }) => path);
}

function changesOf(root: string, file: FileDiff): readonly Change[] {
  const { before, after } = file;
  if (after === null) {
    if (before === null) throw new Refused('A file of the diff has no name: both sides are /dev/null.');
    // It must be there, and hold what the diff removes.
    patched(root, before, file);
    return [{ path: before, text: null }];
  }
  if (before === null) {
    if (checkoutPath(root, after).stats !== null)
      throw new Refused(`"${after}" is there already; the diff makes it new.`);
    return [{ path: after, text: patched(root, null, file) }];
  }
  const text = patched(root, before, file);
  return before === after
    ? [{ path: after, text }]
    : [
        { path: before, text: null },
        { path: after, text },
      ];
}

function patched(root: string, path: string | null, { before, after, hunks }: FileDiff): string {
  const source = path === null ? '' : readText(root, path).text;
  const patch = { oldFileName: before ?? '', newFileName: after ?? '', oldHeader: '', newHeader: '' };
  const whole = applyPatch(source, { ...patch, hunks: [...hunks] });
  if (whole !== false) return whole;
  const failing = hunks.findIndex((hunk) => applyPatch(source, { ...patch, hunks: [hunk] }) === false);
  const which = failing === -1 ? 'The hunks together do' : `Hunk ${failing + 1} of ${hunks.length} does`;
  throw new Refused(
    `${which} not apply to "${path ?? after}": its lines of context and those that it removes must be in the file exactly as they are written. Read the file again.`,
  );
}

/** What a diff does to one file; a name is null where the file is not there before or afterwards. */
interface FileDiff {
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
