import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { GitEnvironment } from './environments.js';
import { runGit } from './run-git.js';

/** Where a repository is, as a worker's config says it. */
export type RepositorySource = { readonly path: string } | { readonly url: string };

/** A repository on this machine that git has opened. */
export interface LocalRepository {
  readonly kind: 'path';
  readonly path: string;
  readonly gitDir: string;
  /** The git folder that linked worktrees share; `gitDir` where there are none. */
  readonly commonDir: string;
  /** The top of the working tree; null for a bare repository. */
  readonly top: string | null;
  readonly objectFormat: string;
}

export interface RemoteRepository {
  readonly kind: 'url';
  readonly url: string;
}

export type RepositoryLocation = LocalRepository | RemoteRepository;

/**
 * Opens what a name of the worker's config stands for.
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT, REPO_FETCH_FAILED for a URL that git would take for an option
 */
export async function locateRepository(
  name: string,
  source: RepositorySource | undefined,
  environment: GitEnvironment,
): Promise<RepositoryLocation> {
  if (source === undefined) {
    throw new PromptOsError('REPO_NOT_FOUND', `This worker knows no repository "${name}".`);
  }
  if ('url' in source) {
    if (source.url.startsWith('-')) throw new PromptOsError('REPO_FETCH_FAILED', `"${source.url}" is no clone URL.`);
    return { kind: 'url', url: source.url };
  }
  const path = resolve(source.path);
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isDirectory()) {
    throw new PromptOsError('REPO_NOT_FOUND', `The repository "${name}" is not there: expected a folder at ${path}.`);
  }
  return openLocalRepository(path, environment.local);
}

/** Why git opened no repository at a path. @param printed what it printed on standard error, in English */
export function notOpened(path: string, printed: string): PromptOsError {
  // Git 2.35.2 and newer read nothing in a repository of another user; "unsafe" is the word of the first of them.
  const [, folder] = /(?:dubious ownership in|unsafe) repository(?: at)? \(?'(.+)'/.exec(printed) ?? [];
  if (folder === undefined) return new PromptOsError('REPO_NOT_GIT', `${path} is not inside a git repository.`);
  return new PromptOsError('REPO_OF_ANOTHER_USER', `Git does not read ${folder}: the folder belongs to another user.`, {
    hint: `Work in a clone of your own, or have git trust this one: git config --global --add safe.directory '${folder}'`,
  });
}

/** @throws PromptOsError REPO_NOT_GIT, REPO_OF_ANOTHER_USER */
export async function openLocalRepository(
  path: string,
  env: Readonly<Record<string, string>>,
): Promise<LocalRepository> {
  // One git for all of it. Without a working tree it fails at the last question, after it answered the others.
  const { exitCode, stdout, stderr } = await runGit({
    args: [
      'rev-parse',
      ...['--absolute-git-dir', '--git-common-dir', '--show-object-format', '--is-inside-work-tree', '--show-toplevel'],
    ],
    cwd: path,
    env,
  });
  const [gitDir = '', commonDir = '', objectFormat = '', inside, ...rest] = stdout.toString('utf8').split('\n');
  if (gitDir === '' || !(exitCode === 0 || inside === 'false')) {
    throw notOpened(path, stderr);
  }
  const top = inside === 'true' ? rest.join('\n').slice(0, -1) : '';
  return {
    kind: 'path',
    path,
    gitDir,
    commonDir: isAbsolute(commonDir) ? commonDir : resolve(path, commonDir),
    top: top === '' ? null : top,
    objectFormat,
  };
}
