import { randomBytes } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PatchFile } from '../../contracts/patch.js';
import { requireGit, runGit } from '../git/run-git.js';
import { writeCheckoutTree } from './checkout-tree.js';
import type { Scratch } from './scratch.js';
import { type Place, type Submodule, submodulesOf } from './submodules.js';

/** Those of the submodules that the mirror has, and theirs, the outer ones first. */
async function mirrored(mirror: Place, recordedIn: readonly Submodule[], at = ''): Promise<readonly Submodule[]> {
  const all: Submodule[] = [];
  for (const { path, commit: recorded } of recordedIn) {
    const whole = at === '' ? path : `${at}/${path}`;
    const { exitCode } = await runGit({ ...mirror, args: ['cat-file', '-e', `${recorded}^{tree}`] });
    if (exitCode !== 0) continue;
    const theirs = await mirrored(mirror, await submodulesOf(mirror, recorded), whole);
    all.push({ path: whole, commit: recorded }, ...theirs);
  }
  return all;
}

/** Runs work with an index of its own that holds the tree of a submodule, and the submodule's folder as working tree. */
async function withIndex<T>(
  { cwd, env }: Place,
  folder: { readonly scratch: string; readonly directory: string },
  { path, commit }: Submodule,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const index = join(folder.scratch, `submodule-${randomBytes(6).toString('hex')}`);
  const directory = join(folder.directory, path);
  try {
    await requireGit({ cwd, env: { ...env, GIT_INDEX_FILE: index }, args: ['read-tree', commit] });
    return await work({ cwd: directory, env: { ...env, GIT_INDEX_FILE: index, GIT_WORK_TREE: directory } });
  } finally {
    await rm(index, { force: true });
  }
}

/** Puts the files of the submodules that the mirror has into a checkout that has nothing else in it yet. */
export async function writeSubmodules(
  mirror: Place,
  folder: { readonly scratch: string; readonly directory: string },
  commit: string,
): Promise<void> {
  for (const submodule of await mirrored(mirror, await submodulesOf(mirror, commit))) {
    await withIndex(mirror, folder, submodule, (place) =>
      requireGit({ ...place, args: ['checkout-index', '--all', '--force', '--quiet'] }),
    );
  }
}

/** Submodules whose folder differs from the recorded commit: a run cannot vouch for it. */
export async function changedSubmodules(
  scratch: Scratch,
  directory: string,
  recorded: readonly Submodule[],
): Promise<readonly PatchFile[]> {
  const { cwd, env, signal } = scratch.git([]);
  const changed: PatchFile[] = [];
  for (const submodule of await mirrored({ cwd, env }, recorded)) {
    if ((await lstat(join(directory, submodule.path)).catch(() => null))?.isDirectory() !== true) continue;
    const same = await withIndex({ cwd, env }, { scratch: scratch.folder, directory }, submodule, async (place) => {
      const whole = await requireGit({ ...place, args: ['rev-parse', `${submodule.commit}^{tree}`] });
      const { tree, untaken } = await writeCheckoutTree({ directory: place.cwd, env: place.env, signal }, []);
      return untaken.length === 0 && tree === whole.toString('latin1').trim();
    });
    if (!same) changed.push(changedSubmodule(submodule.path));
  }
  return changed;
}

const changedSubmodule = (path: string): PatchFile => ({
  ...{ path, old_path: null, status: 'modified', old_mode: '160000', new_mode: '160000' },
  ...{ binary: false, added: 0, deleted: 0 },
});
