import { lstatSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { readIfPresent } from '../platform/time-slices.js';
import { gitIn, gitWords } from './run-git.js';

/** A repository on this machine that git has opened. */
export interface LocalRepository {
  readonly path: string;
  readonly gitDir: string;
  /** The git folder that linked worktrees share; `gitDir` where there are none. */
  readonly commonDir: string;
  /** The top of the working tree; null for a bare repository. */
  readonly top: string | null;
  readonly objectFormat: string;
}

/** Why git opened no repository at a path. @param printed what it printed on standard error, in English */
export function notOpened(path: string, printed: string): PromptOsError {
  // Git 2.35.2 and newer read nothing in a repository of another user; "unsafe" is the word of the first of them.
  const [, folder] = /(?:dubious ownership in|unsafe) repository(?: at)? \(?'(.+)'/.exec(printed) ?? [];
  if (folder === undefined) {
    if (printed === '' || printed.includes('not a git repository')) {
      return new PromptOsError('REPO_NOT_GIT', `${path} is not inside a git repository.`);
    }
    return new PromptOsError('GIT_FAILED', `Git cannot open a repository at ${path}: ${gitWords(printed)}.`, {
      hint: 'Correct what git names, such as a line of its configuration.',
    });
  }
  return new PromptOsError('REPO_OF_ANOTHER_USER', `Git does not read ${folder}: the folder belongs to another user.`, {
    hint: `Work in a clone of your own, or have git trust this one: git config --global --add safe.directory '${folder}'`,
  });
}

/** @throws PromptOsError REPO_NOT_GIT, REPO_OF_ANOTHER_USER */
export async function openLocalRepository(
  path: string,
  env: Readonly<Record<string, string>>,
  programs?: ProgramStarter,
): Promise<LocalRepository> {
  // One git for all of it. Without a working tree it fails at the last question, after it answered the others.
  const { exitCode, stdout, stderr } = await gitIn({ cwd: path, env, programs }).ask([
    'rev-parse',
    ...['--absolute-git-dir', '--git-common-dir', '--show-object-format', '--is-inside-work-tree', '--show-toplevel'],
  ]);
  const [gitDir = '', commonDir = '', objectFormat = '', inside, ...rest] = stdout.toString('utf8').split('\n');
  if (gitDir === '' || !(exitCode === 0 || inside === 'false')) {
    throw notOpened(path, stderr);
  }
  const top = inside === 'true' ? rest.join('\n').slice(0, -1) : '';
  return {
    path,
    gitDir,
    commonDir: isAbsolute(commonDir) ? commonDir : resolve(path, commonDir),
    top: top === '' ? null : top,
    objectFormat,
  };
}

/**
 * What git finds a repository by, read without git: as long as it is the same, git would open the same repository.
 * @returns null when it is no repository any more, or when git may find another one in a folder above the path
 */
export async function repositoryTraces({ path, gitDir, commonDir }: LocalRepository): Promise<string | null> {
  const entry = path === gitDir ? path : join(path, '.git');
  try {
    const found = lstatSync(entry);
    // In a linked working tree `.git` is a file that names the git folder.
    const named = found.isFile() ? await readIfPresent(entry) : '';
    const common = (await readIfPresent(join(gitDir, 'commondir')).catch(() => null)) ?? '';
    const parts = [join(gitDir, 'HEAD'), join(commonDir, 'objects'), join(commonDir, 'refs')];
    const modes = parts.map((part) => lstatSync(part).mode);
    return [found.dev, found.ino, found.mode, named, common, ...modes].join('\n');
  } catch {
    return null;
  }
}
