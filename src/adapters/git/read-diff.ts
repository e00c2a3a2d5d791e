import type { PatchFile } from '../../contracts/record/patch.js';

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
