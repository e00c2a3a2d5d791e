import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { Scope } from '../../contracts/run-request.js';
import { counted } from '../../contracts/sentences.js';
import { pathAllowed } from '../../rules/scope-matching.js';
import { judgeScopeOfTree, type ScopeOfTree } from '../../rules/stated-globs.js';
import { completeBaseTree } from './complete-clone.js';
import type { Variables } from './git-environment.js';
import { openLocalRepository } from './repository-location.js';
import { resolveLocalRevision } from './resolve-revision.js';
import { requireGit, runGit } from './run-git.js';
import { findSubmodules } from './submodules.js';

/** The repository that somebody means. */
export interface ResolvedTarget {
  /** The top of its working tree, or a bare repository's own folder; absolute. */
  readonly path: string;
  /** The last two segments of a remote's URL (`owner/name`), or the top folder's name where there is no remote. */
  readonly name: string;
}

export interface InspectedTarget {
  /** The full id of the commit that the run starts from. */
  readonly baseCommit: string;
  /** Files in scope that git does not know yet: the run will not see them. */
  readonly untracked: readonly string[];
  /** What the scope's globs come to in the base commit. */
  readonly scope: ScopeOfTree;
}

/** Files that a message names before it counts the rest. */
const NAMED_FILES = 10;

/** The person's own git configuration holds here, since it is their own repository that is looked at. */
const personsGit = (env: Variables): Record<string, string> => ({
  PATH: '/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin',
  HOME: homedir(),
  ...Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('GIT_'),
    ),
  ),
  LC_ALL: 'C',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
});

/**
 * Finds the repository that was named: a folder that is there is a path; anything else is matched with the last one or
 * two segments of the URL of a remote of the current repository, or with its folder's name where it has no remote.
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT
 */
export async function resolveTarget(
  given: string,
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Variables },
): Promise<ResolvedTarget> {
  const git = personsGit(env);
  const folder = resolve(cwd, given);
  if (given !== '' && (await stat(folder).catch(() => null))?.isDirectory()) return targetAt(folder, git);
  const here = await targetAt(cwd, git).catch(() => null);
  if (here !== null) {
    const names = await knownNames(here.path, git);
    if (names.some((name) => name === given)) return here;
    throw new PromptOsError(
      'REPO_NOT_FOUND',
      `"${given}" is neither a folder nor the current repository, which is called ${names.join(' or ')}.`,
    );
  }
  throw new PromptOsError('REPO_NOT_FOUND', `"${given}" is no folder, and the current folder is in no repository.`);
}

async function targetAt(folder: string, git: Record<string, string>): Promise<ResolvedTarget> {
  const { top, gitDir } = await openLocalRepository(folder, git);
  const path = top ?? gitDir;
  return { path, name: (await knownNames(path, git))[0] ?? basename(path) };
}

/** What a repository may be called, the fullest name first. */
async function knownNames(path: string, env: Record<string, string>): Promise<readonly string[]> {
  const { stdout } = await runGit({ args: ['config', '--get-regexp', '^remote\\..*\\.url$'], cwd: path, env });
  const remotes = stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .sort((left, right) => Number(right.startsWith('remote.origin.')) - Number(left.startsWith('remote.origin.')))
    .map((line) => line.slice(line.indexOf(' ') + 1));
  const names = remotes.flatMap((url) => {
    const segments = url
      .replace(/\/+$/, '')
      .replace(/\.git$/, '')
      .split(/[/:]/)
      .filter((segment) => segment !== '');
    return [segments.slice(-2).join('/'), segments.slice(-1).join('/')];
  });
  return names.length > 0 ? [...new Set(names)] : [basename(path)];
}

/**
 * Judges whether a run may start here.
 * @param input.base a revision; HEAD by default.
 * @throws PromptOsError REPO_NOT_GIT, REPO_EMPTY, BASE_NOT_FOUND, REPO_DIRTY for tracked files in scope that differ from
 * what is committed, SCOPE_MATCHES_NOTHING, SUBMODULE_NOT_FOUND, CLONE_INCOMPLETE
 */
export async function inspectTarget(
  path: string,
  input: { readonly base?: string; readonly scope: Scope; readonly env?: Variables },
): Promise<InspectedTarget> {
  const env = personsGit(input.env ?? {});
  const repository = await openLocalRepository(path, env);
  const baseCommit = await resolveLocalRevision(basename(path), repository, input.base ?? 'HEAD', env);
  const { changed, untracked } = repository.top === null ? NO_CHANGES : await readStatus(repository.top, env);
  const inScope = (file: string) => pathAllowed(file, [input.scope]);
  const dirty = changed.filter(inScope);
  if (dirty.length > 0) {
    const more = dirty.length > NAMED_FILES ? ` and ${dirty.length - NAMED_FILES} more` : '';
    throw new PromptOsError(
      'REPO_DIRTY',
      `Files in scope are modified and not committed: ${dirty.slice(0, NAMED_FILES).join(', ')}${more}.`,
    );
  }
  await completeBaseTree(path, baseCommit, env);
  await findSubmodules(repository, baseCommit, env);
  const judged = await requireSomethingInScope(path, baseCommit, input.scope, env);
  return { baseCommit, untracked: untracked.filter(inScope), scope: judged };
}

const NO_CHANGES = { changed: [], untracked: [] } as const;

async function readStatus(top: string, env: Record<string, string>) {
  const args = [
    '-c',
    'core.fsmonitor=false',
    'status',
    '--porcelain=v2',
    '-z',
    '--untracked-files=all',
    '--no-renames',
  ];
  const entries = (await requireGit({ args, cwd: top, env })).toString('utf8').split('\0');
  const paths = (kind: string, fields: number) =>
    entries.filter((entry) => entry.startsWith(`${kind} `)).map((entry) => entry.split(' ').slice(fields).join(' '));
  return { changed: [...paths('1', 8), ...paths('u', 10)], untracked: paths('?', 1) };
}

async function requireSomethingInScope(
  path: string,
  commit: string,
  scope: Scope,
  env: Record<string, string>,
): Promise<ScopeOfTree> {
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit];
  const files = (await requireGit({ args, cwd: path, env })).toString('utf8').split('\0').slice(0, -1);
  const judged = judgeScopeOfTree(scope, files);
  if (judged.useful) return judged;
  const allowed = scope.allow.map((glob) => `"${glob}"`).join(', ');
  const elsewhere = scope.allow
    .filter((glob) => !glob.includes('/'))
    .map((glob) => `**/${glob}`)
    .filter((glob) => judgeScopeOfTree({ allow: [glob], deny: [] }, files).idle.length === 0);
  const advice =
    elsewhere.length === 0 ? '' : ` In every folder is written ${elsewhere.map((glob) => `"${glob}"`).join(', ')}.`;
  throw new PromptOsError(
    'SCOPE_MATCHES_NOTHING',
    `The scope allows ${allowed}, and nothing of its ${counted(files.length, 'file')} matches.${advice}`,
  );
}
