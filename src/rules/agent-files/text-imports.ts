import { foldedPath } from '../paths/path-names.js';

/**
 * What a text names after an "@" at its start, behind white space, or behind a mark of Markdown with which a text of its own
 * begins. A space in a path is written with a backslash.
 */
const IMPORT = /(?<=^|[\s*_~[>|])@((?:\\ |[^\s\\]){1,512})/y;
/** Marks that end such a text. A name may have them too, so it is read with them and without. */
const MARKS = /[*~\]<|].*$|_+$/s;
/** How a path begins. Paths from the top of the disk and from a home folder lead out of the repository. */
const RELATIVE = /^[\p{L}\p{N}._-]/u;

/** Paths that one text imports; whoever names more has the others judged as ordinary files. */
const MAX_IMPORTS = 200;

/** Whether agents look for imports in a file that they read by its name: in Markdown, also as Cursor calls it. */
export const mayImport = (path: string): boolean => /\.mdc?$/.test(foldedPath(path));

/**
 * The files that a text which steers agents imports, as `@docs/style.md` in a CLAUDE.md does: from the top of the
 * repository, whether or not there is such a file. Agents import nothing in code, and find code in different ways: Claude
 * Code and Qwen Code as CommonMark has it, Gemini CLI by pairs of backticks. What one of them imports counts.
 * @param path of the text, from the top of the repository
 */
export function importedPaths(text: string, path: string): readonly string[] {
  const found = new Set<string>();
  for (const prose of [withoutBlocks(text), withoutPairs(text)]) {
    for (const { index } of prose.matchAll(/@/g)) {
      IMPORT.lastIndex = index;
      for (const written of spellings(IMPORT.exec(prose)?.[1] ?? '')) {
        const target = RELATIVE.test(written) ? resolvedPath(path, written) : null;
        if (target !== null && target !== path) found.add(target);
        if (found.size === MAX_IMPORTS) return [...found];
      }
    }
  }
  return [...found];
}

/** The ways to read a name: some agents take an anchor behind "#" and marks of Markdown for a part of it, others do not. */
const spellings = (written: string): readonly string[] => {
  const name = written.replaceAll('\\ ', ' ');
  const [bare = ''] = name.replace(MARKS, '').split('#', 1);
  return [bare, name];
};

/** What is left of a text without fenced blocks (CommonMark, 4.5) and code spans within a line (6.1). */
function withoutBlocks(text: string): string {
  const lines: string[] = [];
  let fence: string | null = null;
  for (const line of text.split(/\r\n|\r|\n/)) {
    // The fence of an item of a list is indented. Not every agent finds it, so it counts for none.
    const mark = /^(`{3,}|~{3,})(?!.*`)/.exec(line)?.[1];
    if (fence === null) {
      if (mark === undefined) lines.push(withoutSpans(line));
      else fence = mark;
    } else if (line.trim().startsWith(fence) && /^ {0,3}(?:`+|~+)\s*$/.test(line)) {
      fence = null;
    }
  }
  return lines.join('\n');
}

/** A line in which each code span is one backtick. */
function withoutSpans(line: string): string {
  const runs = [...line.matchAll(/`+/g)].map(({ index, 0: { length } }) => ({ index, length }));
  const after = new Map<number, number>();
  const closing: (number | undefined)[] = [];
  for (const [at, { length }] of [...runs.entries()].reverse()) {
    closing[at] = after.get(length);
    after.set(length, at);
  }
  let left = '';
  let from = 0;
  for (const [at, { index }] of runs.entries()) {
    const close = runs[closing[at] ?? -1];
    if (close === undefined || index < from || line[index - 1] === '\\') continue;
    left += `${line.slice(from, index)}\``;
    from = close.index + close.length;
  }
  return left + line.slice(from);
}

/** What is left of a text without what is between two equal runs of backticks, wherever they are. */
function withoutPairs(text: string): string {
  let left = '';
  let from = 0;
  for (const { index, 0: run } of text.matchAll(/`+/g)) {
    if (index < from) continue;
    const end = text.indexOf(run, index + run.length);
    if (end === -1) continue;
    left += `${text.slice(from, index)}\``;
    from = end + run.length;
  }
  return left + text.slice(from);
}

/** A path that is written relative to a file, from the top; null for one that leaves the repository. */
function resolvedPath(file: string, written: string): string | null {
  const resolved = file.split('/').slice(0, -1);
  for (const segment of written.split('/')) {
    if (segment === '..') {
      if (resolved.pop() === undefined) return null;
    } else if (segment !== '.' && segment !== '') {
      resolved.push(segment);
    }
  }
  return resolved.length === 0 ? null : resolved.join('/');
}
