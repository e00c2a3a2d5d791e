import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { LocalRepository } from '../git/repository.js';
import { requireGit, runGit } from '../git/run-git.js';

type Env = Readonly<Record<string, string>>;

/** A submodule of a commit: where it is, and the commit that is recorded of it. */
export interface Submodule {
  /** From the top of the repository, also for a submodule of a submodule. */
  readonly path: string;
  readonly commit: string;
}

/** Where the objects of a submodule are on this machine. */
export interface FoundSubmodule extends Submodule {
  readonly gitDir: string;
}

/** What git is asked with of the objects of a commit. */
export interface Place {
  readonly cwd: string;
  readonly env: Env;
}

const GITLINK = /^160000 commit ([0-9a-f]+)\t(.*)$/s;

/** What commits record, by their ids: every checkout asks, and a commit never changes. */
const recordedIn = new Map<string, readonly Submodule[]>();
const REMEMBERED = 1_000;

/** Submodules that are recorded in a commit's own tree. */
export async function submodulesOf(place: Place, commit: string): Promise<readonly Submodule[]> {
  const known = recordedIn.get(commit);
  if (known !== undefined) return known;
  const submodules = await readSubmodules(place, commit);
  if (recordedIn.size >= REMEMBERED) recordedIn.clear();
  recordedIn.set(commit, submodules);
  return submodules;
}

async function readSubmodules(place: Place, commit: string): Promise<readonly Submodule[]> {
  const args = ['ls-tree', '-r', '-z', '--full-tree', commit];
  const listed = (await requireGit({ ...place, args })).toString('utf8').split('\0');
  return listed.flatMap((entry) => {
    const [, recorded, path] = GITLINK.exec(entry) ?? [];
    return recorded === undefined || path === undefined ? [] : [{ path, commit: recorded }];
  });
}

/** The names of submodules by path, as the `.gitmodules` of a commit has them. */
async function namesOf(place: Place, commit: string): Promise<ReadonlyMap<string, string>> {
  const args = ['config', '-z', '--blob', `${commit}:.gitmodules`, '--get-regexp', '^submodule\\..*\\.path$'];
  const { stdout } = await runGit({ ...place, args });
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
  const args = ['--git-dir', gitDir, 'cat-file', '-e', `${commit}^{commit}`];
  return (await runGit({ args, cwd: gitDir, env }).catch(() => null))?.exitCode === 0;
};

/** The git folder of what is checked out at a path, when that is a repository of its own. */
async function checkedOutAt(path: string, env: Env): Promise<string | null> {
  if ((await lstat(join(path, '.git')).catch(() => null)) === null) return null;
  const { exitCode, stdout } = await runGit({ args: ['rev-parse', '--absolute-git-dir'], cwd: path, env });
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
    const place = { cwd: own, env: { ...env, GIT_DIR: own } };
    const recorded = await submodulesOf(place, inCommit);
    if (recorded.length === 0) return;
    const names = await namesOf(place, inCommit);
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
