import type { Patch, PatchFile } from '../../contracts/patch.js';
import { unquotePath } from '../../rules/path-names.js';

/** One file of a difference between two trees. Paths have one character a byte (Latin-1), since a name need not be UTF-8. */
export interface RawChange {
  readonly path: string;
  /** Where it was renamed or copied from. */
  readonly oldPath: string | null;
  readonly status: PatchFile['status'];
  /** `000000` where there is no file. */
  readonly oldMode: string;
  readonly mode: string;
  readonly oldBlob: string;
  readonly blob: string;
  /** Lines, when `--numstat` was asked for; null for a binary file. */
  readonly added: number | null;
  readonly deleted: number | null;
}

const STATUSES: Readonly<Record<string, PatchFile['status']>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'type_changed',
};

/**
 * @param printed what `git diff-tree -r -z --raw` printed, with `--numstat` or without
 * @throws Error when it is not what git prints
 */
export function readRawDiff(printed: Buffer): readonly RawChange[] {
  const fields = printed.toString('latin1').split('\0');
  const changes = new Map<string, RawChange>();
  let index = 0;
  while (fields[index]?.startsWith(':')) {
    const [oldMode = '', mode = '', oldBlob = '', blob = '', letter = ''] = (fields[index] ?? '').slice(1).split(' ');
    const status = STATUSES[letter[0] ?? ''];
    if (status === undefined) throw new Error(`git diff-tree gave the status "${letter}".`);
    const two = status === 'renamed' || status === 'copied';
    const oldPath = two ? (fields[index + 1] ?? '') : null;
    const path = fields[index + (two ? 2 : 1)] ?? '';
    changes.set(path, { path, oldPath, status, oldMode, mode, oldBlob, blob, added: null, deleted: null });
    index += two ? 3 : 2;
  }
  while ((fields[index] ?? '') !== '') {
    const [, added = '', deleted = '', name] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(fields[index] ?? '') ?? [];
    const path = name === '' ? fields[index + 2] : name;
    const listed = path === undefined ? undefined : changes.get(path);
    if (path === undefined || listed === undefined)
      throw new Error('git diff-tree counted lines of a file that it did not list.');
    if (added !== '-') changes.set(path, { ...listed, added: Number(added), deleted: Number(deleted) });
    index += name === '' ? 3 : 1;
  }
  return [...changes.values()];
}

/** A path as text; bytes that are not UTF-8 become U+FFFD. */
export const pathText = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

type AddedLine = Patch['added_lines'][number];

const HUNK = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const NEWLINE = 10;
const CONTEXT = 0x20;

/**
 * The lines that a patch adds, with their numbers in the new file. Hunks are read by the counts in their headers, so
 * content that looks like a header is content.
 * @param patch what `git diff-tree -p --dst-prefix=b/` printed, with lines of context or without; text that is not UTF-8 gets U+FFFD.
 */
export function readAddedLines(patch: Buffer): readonly AddedLine[] {
  const added: AddedLine[] = [];
  let path: string | null = null;
  let line = 0;
  let removals = 0;
  let additions = 0;
  for (let start = 0; start < patch.length; ) {
    const newline = patch.indexOf(NEWLINE, start);
    const end = newline === -1 ? patch.length : newline;
    const first = patch[start];
    if (removals > 0 && first === 0x2d) {
      removals -= 1;
    } else if (additions > 0 && first === 0x2b) {
      additions -= 1;
      if (path !== null) added.push({ path, line, text: patch.toString('utf8', start + 1, end) });
      line += 1;
    } else if (removals > 0 && additions > 0 && first === CONTEXT) {
      removals -= 1;
      additions -= 1;
      line += 1;
    } else if (removals === 0 && additions === 0) {
      const header = patch.toString('latin1', start, Math.min(end, start + 16_384));
      if (header.startsWith('diff --git ')) path = null;
      else if (header.startsWith('+++ ')) path = newPath(header.slice(4));
      const hunk = HUNK.exec(header);
      if (hunk !== null) {
        removals = Number(hunk[1] ?? 1);
        line = Number(hunk[2]);
        additions = Number(hunk[3] ?? 1);
      }
    }
    start = end + 1;
  }
  return added;
}

/** Git ends a name that has spaces with a tab; `/dev/null` means that there is no file. */
function newPath(printed: string): string | null {
  const name = unquotePath(printed.replace(/\t$/, ''));
  return name.startsWith('b/') ? name.slice(2) : null;
}
