import type { PatchFile } from '../../contracts/patch.js';

/** One file of a patch and the object that it became. */
export interface ListedFile {
  readonly file: PatchFile;
  readonly object: string;
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
 * The files of a patch.
 * @param printed what `git diff-tree -r -z --raw --numstat` printed; names that are not UTF-8 get U+FFFD.
 * @throws Error when it is not what git prints
 */
export function readPatchListing(printed: Buffer): readonly ListedFile[] {
  // Latin-1 keeps one character a byte, so that names which are not UTF-8 stay apart while the two lists are joined.
  const fields = printed.toString('latin1').split('\0');
  const files = new Map<string, ListedFile>();
  let index = 0;
  while (fields[index]?.startsWith(':')) {
    const [oldMode = '', newMode = '', , object = '', letter = ''] = (fields[index] ?? '').slice(1).split(' ');
    const status = STATUSES[letter[0] ?? ''];
    if (status === undefined) throw new Error(`git diff-tree gave the status "${letter}".`);
    const two = status === 'renamed' || status === 'copied';
    const old = two ? fields[index + 1] : undefined;
    const path = fields[index + (two ? 2 : 1)] ?? '';
    files.set(path, {
      object,
      file: {
        path: text(path),
        old_path: old === undefined ? null : text(old),
        status,
        old_mode: oldMode,
        new_mode: newMode,
        binary: false,
        added: 0,
        deleted: 0,
      },
    });
    index += two ? 3 : 2;
  }
  while ((fields[index] ?? '') !== '') {
    const [, added = '', deleted = '', name] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(fields[index] ?? '') ?? [];
    const path = name === '' ? fields[index + 2] : name;
    const listed = path === undefined ? undefined : files.get(path);
    if (path === undefined || listed === undefined)
      throw new Error('git diff-tree counted lines of a file that it did not list.');
    const binary = added === '-';
    files.set(path, {
      ...listed,
      file: { ...listed.file, binary, added: binary ? 0 : Number(added), deleted: binary ? 0 : Number(deleted) },
    });
    index += name === '' ? 3 : 1;
  }
  return [...files.values()];
}

const text = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');
