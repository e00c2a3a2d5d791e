import { randomBytes } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { PatchFile } from '../../../contracts/record/patch.js';
import type { LocalRepository } from '../../git/repository.js';
import { type Git, gitIn } from '../../git/run-git.js';
import { type Submodule, stagedGitlinks, type WriteOptions, writeCheckoutTree } from '../tree/checkout-tree.js';
import { type BytePath, bytePath } from '../tree/tree-survey.js';

type Env = Readonly<Record<string, string>>;

/** Where the objects of a submodule are on this machine. */
export interface FoundSubmodule extends Submodule {
  readonly gitDir: string;
}

const GITLINK = /^160000 commit ([0-9a-f]+)\t(.*)$/s;

/** What commits record, by their ids: every checkout asks, and a commit never changes. */
const recordedIn = new Map<string, readonly Submodule[]>();
const REMEMBERED = 1_000;

/** Submodules that are recorded in a commit's own tree. */
export async function submodulesOf(git: Git, commit: string): Promise<readonly Submodule[]> {
  const known = recordedIn.get(commit);
  if (known !== undefined) return known;
  const submodules = await readSubmodules(git, commit);
  if (recordedIn.size >= REMEMBERED) recordedIn.clear();
  recordedIn.set(commit, submodules);
  return submodules;
}

async function readSubmodules(git: Git, commit: string): Promise<readonly Submodule[]> {
  const listed = (await git.text(['ls-tree', '-r', '-z', '--full-tree', commit])).split('\0');
  return listed.flatMap((entry) => {
    const [, recorded, path] = GITLINK.exec(entry) ?? [];
    return recorded === undefined || path === undefined ? [] : [{ path, commit: recorded }];
  });
}

/** The names of submodules by path, as the `.gitmodules` of a commit has them. */
async function namesOf(git: Git, commit: string): Promise<ReadonlyMap<string, string>> {
  const args = ['config', '-z', '--blob', `${commit}:.gitmodules`, '--get-regexp', '^submodule\\..*\\.path$'];
  const { stdout } = await git.ask(args);
  return new Map(
    stdout
      .toString('utf8')
      .split('\0')
      .flatMap((entry) => {
        const [, name, path] = /^submodule\.(.*)\.path\n(.*)$/s.exec(entry) ?? [];
        return name === undefined || path === undefined ? [] : [[path, name]];
      }),
  );
}

const hasCommit = async (gitDir: string, commit: string, env: Env): Promise<boolean> => {
  if (!(await lstat(gitDir).catch(() => null))) return false;
  const asked = gitIn({ cwd: gitDir, env }).ask(['--git-dir', gitDir, 'cat-file', '-e', `${commit}^{commit}`]);
  return (await asked.catch(() => null))?.exitCode === 0;
};

/** The git folder of what is checked out at a path, when that is a repository of its own. */
async function checkedOutAt(path: string, env: Env): Promise<string | null> {
  if ((await lstat(join(path, '.git')).catch(() => null)) === null) return null;
  const { exitCode, stdout } = await gitIn({ cwd: path, env }).ask(['rev-parse', '--absolute-git-dir']);
  return exitCode === 0 ? stdout.toString('utf8').replace(/\n$/, '') : null;
}

/**
 * Finds the objects of every submodule of a commit, and of their submodules, in a repository on this machine: where they
 * are checked out, or in `.git/modules`. Nothing is fetched from anywhere else.
 * @throws PromptOsError SUBMODULE_NOT_FOUND naming those whose recorded commit is not here
 */
export async function findSubmodules(
  repository: LocalRepository,
  commit: string,
  env: Env,
): Promise<readonly FoundSubmodule[]> {
  const missing: Submodule[] = [];
  const found: FoundSubmodule[] = [];
  const walk = async (gitDirs: readonly string[], at: string, inCommit: string): Promise<void> => {
    const [own = ''] = gitDirs;
    const git = gitIn({ cwd: own, env: { ...env, GIT_DIR: own } });
    const recorded = await submodulesOf(git, inCommit);
    if (recorded.length === 0) return;
    const names = await namesOf(git, inCommit);
    for (const { path, commit: wanted } of recorded) {
      const whole = at === '' ? path : `${at}/${path}`;
      const checkedOut = repository.top === null ? null : await checkedOutAt(join(repository.top, whole), env);
      const kept = gitDirs.map((folder) => join(folder, 'modules', names.get(path) ?? path));
      let holder: string | null = null;
      for (const folder of checkedOut === null ? kept : [checkedOut, ...kept]) {
        if (holder === null && (await hasCommit(folder, wanted, env))) holder = folder;
      }
      if (holder === null) {
        missing.push({ path: whole, commit: wanted });
      } else {
        found.push({ path: whole, commit: wanted, gitDir: holder });
        await walk([holder], whole, wanted);
      }
    }
  };
  await walk([...new Set([repository.gitDir, repository.commonDir])], '', commit);
  if (missing.length === 0) return found;
  const named = missing.map(({ path, commit: wanted }) => `${path} at ${wanted.slice(0, 12)}`).join(', ');
  throw new PromptOsError(
    'SUBMODULE_NOT_FOUND',
    `The base commit records submodules whose commits are not in this clone: ${named}.`,
    { hint: 'Run `git submodule update --init --recursive`.' },
  );
}

/** Those of the submodules that the mirror has, and theirs, the outer ones first. */
async function mirrored(mirror: Git, recordedIn: readonly Submodule[], at = ''): Promise<readonly Submodule[]> {
  const all: Submodule[] = [];
  for (const { path, commit: recorded } of recordedIn) {
    const whole = at === '' ? path : `${at}/${path}`;
    const { exitCode } = await mirror.ask(['cat-file', '-e', `${recorded}^{tree}`]);
    if (exitCode !== 0) continue;
    const theirs = await mirrored(mirror, await submodulesOf(mirror, recorded), whole);
    all.push({ path: whole, commit: recorded }, ...theirs);
  }
  return all;
}

/** Runs work with an index of its own that holds the tree of a submodule, and the submodule's folder as working tree. */
async function withIndex<T>(
  git: Git,
  folder: { readonly scratch: string; readonly directory: string },
  { path, commit }: Submodule,
  work: (git: Git) => Promise<T>,
): Promise<T> {
  const index = join(folder.scratch, `submodule-${randomBytes(6).toString('hex')}`);
  const directory = join(folder.directory, path);
  try {
    const indexed = git.with({ env: { GIT_INDEX_FILE: index } });
    await indexed.bytes(['read-tree', commit]);
    return await work(indexed.with({ cwd: directory, env: { GIT_WORK_TREE: directory } }));
  } finally {
    await rm(index, { force: true });
  }
}

/** Puts the files of the submodules that the mirror has into a checkout that has nothing else in it yet. */
export async function writeSubmodules(
  mirror: Git,
  folder: { readonly scratch: string; readonly directory: string },
  commit: string,
): Promise<void> {
  for (const submodule of await mirrored(mirror, await submodulesOf(mirror, commit))) {
    await withIndex(mirror, folder, submodule, (git) => git.bytes(['checkout-index', '--all', '--force', '--quiet']));
  }
}

/** Submodules whose folder differs from the recorded commit: a run cannot vouch for it. */
export async function changedSubmodules(
  git: Git,
  folder: { readonly scratch: string; readonly directory: string },
  recorded: readonly Submodule[],
  leftOut: WriteOptions['leftOut'],
): Promise<readonly PatchFile[]> {
  const changed: PatchFile[] = [];
  for (const submodule of await mirrored(git, recorded)) {
    if ((await lstat(join(folder.directory, submodule.path)).catch(() => null))?.isDirectory() !== true) continue;
    const same = await withIndex(git, folder, submodule, async (inside) => {
      const inFolder = (path: BytePath) => leftOut(`${bytePath(submodule.path)}/${path}`);
      const options = { named: [], leftOut: inFolder, gitlinks: await stagedGitlinks(inside), changed: true };
      const { trees, untrackable } = await writeCheckoutTree(inside, options);
      return untrackable.length === 0 && trees === null;
    });
    if (!same) changed.push(changedSubmodule(submodule.path));
  }
  return changed;
}

const changedSubmodule = (path: string): PatchFile => ({
  ...{ path, old_path: null, status: 'modified', old_mode: '160000', new_mode: '160000' },
  ...{ binary: false, added: 0, deleted: 0 },
});
