import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { Scope } from '../../../contracts/run/run-request.js';
import { counted } from '../../../contracts/sentences.js';
import { pathAllowed } from '../../../rules/paths/scope-matching.js';
import { judgeScopeOfTree, type ScopeOfTree } from '../../../rules/paths/stated-globs.js';
import { type EngineGitEnv, readOnlyGitEnv, type Variables } from '../../git/environments.js';
import { pathText, readRawDiff } from '../../git/read-diff.js';
import { openLocalRepository } from '../../git/repository.js';
import { type Git, gitIn, gitWords } from '../../git/run-git.js';
import type { ProgramStarter } from '../../platform/program-starter.js';
import { baseNotFound, type RepositoryLocation } from './mirror.js';
import { findSubmodules } from './submodules.js';

/** The repository that a name means. */
interface ResolvedTarget {
  /** The top of its working tree, or a bare repository's own folder; absolute. */
  readonly path: string;
  /** The last two segments of a remote's URL (`owner/name`), or the top folder's name where there is no remote. */
  readonly name: string;
}

export interface InspectedTarget {
  /** The full id of the commit that the run starts from. */
  readonly baseCommit: string;
  /** The branch whose tip that is; null for a run that starts from a commit. */
  readonly baseBranch: string | null;
  /** Files in scope that git does not track yet: the run will not see them. */
  readonly untracked: readonly string[];
  /** What the scope's globs come to in the base commit. */
  readonly scope: ScopeOfTree;
}

/** Files that a message names before it counts the rest. */
const NAMED_FILES = 10;

/**
 * Finds the repository that was named: an existing folder is a path; anything else is matched with the last one or
 * two segments of the URL of a remote of the current repository, or with its folder's name where it has no remote.
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT
 */
export async function resolveTarget(
  given: string,
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Variables },
): Promise<ResolvedTarget> {
  const git = readOnlyGitEnv(env);
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
  const { stdout } = await gitIn({ cwd: path, env }).ask(['config', '--get-regexp', '^remote\\..*\\.url$']);
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
  const env = readOnlyGitEnv(input.env ?? {});
  const repository = await openLocalRepository(path, env);
  const git = gitIn({ cwd: path, env });
  const baseCommit = await resolveLocalRevision(basename(path), git, input.base ?? 'HEAD');
  const { changed, untracked } =
    repository.top === null ? NO_CHANGES : await readStatus(git.with({ cwd: repository.top }));
  const inScope = (file: string) => pathAllowed(file, [input.scope]);
  const dirty = changed.filter(inScope);
  if (dirty.length > 0) {
    const more = dirty.length > NAMED_FILES ? ` and ${dirty.length - NAMED_FILES} more` : '';
    throw new PromptOsError(
      'REPO_DIRTY',
      `Files in scope are modified and not committed: ${dirty.slice(0, NAMED_FILES).join(', ')}${more}.`,
    );
  }
  await completeBaseTree(git, baseCommit);
  await findSubmodules(repository, baseCommit, env);
  const judged = await requireSomethingInScope(git, baseCommit, input.scope);
  const baseBranch = await branchOf(git, input.base ?? 'HEAD');
  return { baseCommit, baseBranch, untracked: untracked.filter(inScope), scope: judged };
}

const NO_CHANGES = { changed: [], untracked: [] } as const;

async function readStatus(git: Git) {
  const args = [
    '-c',
    'core.fsmonitor=false',
    'status',
    '--porcelain=v2',
    '-z',
    '--untracked-files=all',
    '--no-renames',
  ];
  const entries = (await git.text(args)).split('\0');
  const paths = (kind: string, fields: number) =>
    entries.filter((entry) => entry.startsWith(`${kind} `)).map((entry) => entry.split(' ').slice(fields).join(' '));
  return { changed: [...paths('1', 8), ...paths('u', 10)], untracked: paths('?', 1) };
}

async function requireSomethingInScope(git: Git, commit: string, scope: Scope): Promise<ScopeOfTree> {
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit];
  const files = (await git.text(args)).split('\0').slice(0, -1);
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

/**
 * The commit that a revision means in a repository on this machine.
 * @throws PromptOsError REPO_EMPTY, BASE_NOT_FOUND
 */
async function resolveLocalRevision(name: string, git: Git, revision: string): Promise<string> {
  // A revision that begins with a hyphen would be an option.
  if (revision !== '' && !revision.startsWith('-') && !revision.includes('\0')) {
    const found = await git.ask(['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]);
    if (found.exitCode === 0) return found.stdout.toString('latin1').trim();
  }
  const any = await git.ask(['rev-list', '--all', '--max-count=1']);
  const head = await git.ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  if (any.stdout.length === 0 && head.exitCode !== 0) {
    throw new PromptOsError('REPO_EMPTY', `The repository "${name}" has no commits.`);
  }
  throw baseNotFound({ name }, revision);
}

const BRANCH = /^refs\/(?:heads|remotes\/[^/]+)\/(.+)$/;

/** The branch that a revision names, which may be a remote's; null for a commit, a tag or a detached HEAD. */
async function branchOf(git: Git, revision: string): Promise<string | null> {
  const { exitCode, stdout } = await git.ask(['rev-parse', '--verify', '--quiet', '--symbolic-full-name', revision]);
  return exitCode === 0 ? (BRANCH.exec(stdout.toString('utf8').trim())?.[1] ?? null) : null;
}

/** Rounds of fetching: each can show folders that were missing before. */
const ROUNDS = 64;

/**
 * Has a partial clone fetch what it lacks of one commit's tree, as a checkout of it would: a worker's mirror is fetched
 * from the clone, and gets only what the clone has.
 * @throws PromptOsError CLONE_INCOMPLETE
 */
async function completeBaseTree(git: Git, commit: string): Promise<void> {
  const remote = await promisorOf(git);
  if (remote === null) return;
  for (let round = 0; round < ROUNDS; round += 1) {
    const missing = await missingObjects(git, commit);
    if (missing.length === 0) return;
    const args = [
      ...['-c', 'fetch.negotiationAlgorithm=noop', 'fetch', remote, '--quiet', '--no-tags', '--no-write-fetch-head'],
      ...['--recurse-submodules=no', '--filter=blob:none', '--stdin'],
    ];
    const { exitCode, stderr } = await git.ask(args, { input: missing.map((id) => `${id}\n`).join('') });
    if (exitCode === 0) continue;
    throw new PromptOsError(
      'CLONE_INCOMPLETE',
      `The clone is partial and lacks ${counted(missing.length, 'object')} of commit ${commit}; "${remote}" did not give them: ${gitWords(stderr)}.`,
    );
  }
  throw new PromptOsError('CLONE_INCOMPLETE', `The clone is partial and lacks objects of commit ${commit}.`);
}

/** The remote that a partial clone gets missing objects from; null for a whole clone. */
async function promisorOf(git: Git): Promise<string | null> {
  const args = ['config', '--type=bool', '--get-regexp', '^remote\\..*\\.promisor$'];
  const { stdout } = await git.ask(args);
  return /^remote\.(.+)\.promisor true$/m.exec(stdout.toString('utf8'))?.[1] ?? null;
}

async function missingObjects(git: Git, commit: string) {
  const args = ['rev-list', '--objects', '--missing=print', '--max-count=1', commit];
  return (await git.text(args)).split('\n').flatMap((line) => (line.startsWith('?') ? [line.slice(1)] : []));
}

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})\t/;

/**
 * The commit that a branch of a repository is at now; null for a branch that it does not have.
 * @throws PromptOsError REPO_FETCH_FAILED
 */
export async function branchTip(
  location: RepositoryLocation,
  branch: string,
  { environment, programs, cwd }: { environment: EngineGitEnv; programs: ProgramStarter | undefined; cwd: string },
): Promise<string | null> {
  const [source, env] =
    location.kind === 'path' ? [location.gitDir, environment.local] : [location.url, environment.remote];
  const reference = `refs/heads/${branch}`;
  const { exitCode, stdout, stderr } = await gitIn({ cwd, env, programs }).ask(['ls-remote', '--', source, reference]);
  if (exitCode !== 0)
    throw new PromptOsError('REPO_FETCH_FAILED', `The branch could not be read: ${gitWords(stderr)}.`);
  // Git matches the ends of names too: `refs/heads/x/refs/heads/main`.
  const line = stdout
    .toString('utf8')
    .split('\n')
    .find((each) => each.endsWith(`\t${reference}`));
  return COMMIT.exec(line ?? '')?.[1] ?? null;
}

/** The files in which two commits of a mirror differ; of a rename both names. */
export async function differingFiles(
  { git }: { readonly git: Git },
  one: string,
  other: string,
): Promise<readonly string[]> {
  const raw = await git.bytes(['diff-tree', '-r', '-z', '--raw', '--no-renames', one, other]);
  return readRawDiff(raw).map(({ path }) => pathText(path));
}
