import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PatchFile } from '../../contracts/patch.js';
import type { TreeWatch } from '../../ports/workspace.js';

/** Changes that are named; more are counted. */
const NAMED = 10;

/** What a file system says of a file. Whoever writes, renames or replaces a file cannot set its change time back. */
const identityOf = ({ dev, ino, mode, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
/** Folders get entries from any build, so that only their replacement counts. */
const folderIdentity = ({ dev, ino, mode }: BigIntStats): string => [dev, ino, mode].join(' ');

const look = (path: string): Promise<BigIntStats | null> => lstat(path, { bigint: true }).catch(() => null);

const parentsOf = (path: string): readonly string[] => {
  const parent = dirname(path);
  return parent === '.' ? ['.'] : [parent, ...parentsOf(parent)];
};

async function identities(directory: string, paths: readonly string[], identity: (stat: BigIntStats) => string) {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const stat = await look(join(directory, path));
    seen.set(path, stat === null ? 'missing' : identity(stat));
  }
  return seen;
}

/**
 * Compares tracked files by content and by what the file system says of them. Equal content at the end and equal change
 * times mean that the content was equal all the time, so that a file which was mended and restored is seen.
 * @param tracked paths of the tree that was checked out, submodules aside
 * @param diff the difference in content from that tree to what is there now, untracked files included
 */
export async function watchTracked(
  directory: string,
  tracked: readonly string[],
  diff: () => Promise<readonly PatchFile[]>,
): Promise<TreeWatch> {
  const folders = [...new Set(tracked.flatMap(parentsOf))];
  const lookAll = async () => ({
    files: await identities(directory, tracked, identityOf),
    folders: await identities(directory, folders, folderIdentity),
  });
  const before = await lookAll();
  return {
    changes: async () => {
      // Before the content is read: git itself may open a file that was closed to reading.
      const after = await lookAll();
      const known = new Set(tracked);
      const touched = (file: PatchFile) =>
        [file.path, file.old_path].filter((path) => path !== null && known.has(path));
      const content = new Set((await diff()).flatMap(touched));
      const replaced = folders.filter((path) => before.folders.get(path) !== after.folders.get(path));
      const disturbed = tracked.filter(
        (path) => !content.has(path) && before.files.get(path) !== after.files.get(path),
      );
      return summary([
        ...[...content].map((path) => `${path} differs from the patched tree`),
        ...replaced.map((path) => `the folder ${path} was replaced`),
        ...disturbed.map((path) => `${path} was written, replaced or moved and then restored`),
      ]);
    },
  };
}

function summary(changes: readonly string[]): readonly string[] {
  if (changes.length <= NAMED) return changes;
  return [...changes.slice(0, NAMED), `${changes.length - NAMED} more`];
}
