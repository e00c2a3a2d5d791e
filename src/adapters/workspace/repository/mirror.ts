import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import { type EngineGitEnv, EXACT_BYTES_ATTRIBUTES } from '../../git/environments.js';
import { type LocalRepository, openLocalRepository } from '../../git/repository.js';
import { type Git, type GitOutput, gitIn, gitWords } from '../../git/run-git.js';
import { withLock } from '../../platform/lock.js';
import { makeFolders } from '../../platform/make-folders.js';
import { markOf, stateOfMark } from '../../platform/process-identity.js';
import type { ProgramStarter } from '../../platform/program-starter.js';
import { readIfPresent } from '../../platform/time-slices.js';
import { findSubmodules, submodulesOf } from './submodules.js';

/** Where a repository is, as a worker's config says it. */
export type RepositorySource = { readonly path: string } | { readonly url: string };

export type RepositoryLocation =
  | ({ readonly kind: 'path' } & LocalRepository)
  | { readonly kind: 'url'; readonly url: string };

/**
 * Opens the repository that the worker's config has under a name.
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT, REPO_FETCH_FAILED for a URL that git would take for an option
 */
export async function locateRepository(
  name: string,
  source: RepositorySource | undefined,
  environment: EngineGitEnv,
  programs?: ProgramStarter,
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
    throw new PromptOsError('REPO_NOT_FOUND', `The repository "${name}" is missing: expected a folder at ${path}.`);
  }
  return { kind: 'path', ...(await openLocalRepository(path, environment.local, programs)) };
}

/** The engine's own copy of a repository: a bare one that holds the commits that runs start from, without their history. */
export interface Mirror {
  readonly gitDir: string;
  readonly objectFormat: string;
  /** The engine's git on the mirror itself, without any working tree. */
  readonly git: Git;
  /** The environment of the engine's git, for work in another folder. */
  readonly env: Readonly<Record<string, string>>;
}

export interface MirrorInput {
  readonly stateDir: string;
  readonly name: string;
  readonly location: RepositoryLocation;
  readonly objectFormat: string;
  readonly environment: EngineGitEnv;
  /** What starts git. */
  readonly programs?: ProgramStarter | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How git names a commit that the other side does not have, or will not give by its id alone. */
const NOT_ADVERTISED =
  /not our ref|unadvertised object|couldn't find remote ref|no such remote ref|does not allow request/i;

function mirrorOf({ stateDir, name, location, objectFormat, environment, programs }: MirrorInput): Mirror {
  const where = location.kind === 'path' ? location.gitDir : location.url;
  const key = createHash('sha256').update(`${objectFormat}\n${where}`).digest('hex').slice(0, 12);
  const gitDir = join(stateDir, 'mirrors', `${name}-${key}.git`);
  const env = environment.local;
  return { gitDir, objectFormat, env, git: gitIn({ cwd: gitDir, env: { ...env, GIT_DIR: gitDir }, programs }) };
}

/** Whether the mirror exists and has the commit. */
async function holds(mirror: Mirror, commit: string): Promise<boolean> {
  const reference = join(mirror.gitDir, 'refs', 'promptos', commit);
  return ((await readIfPresent(reference).catch(() => null)) ?? '').toString().trim() === commit;
}

/** The mirror when it has the commit already, else null. Starts no git: a commit's id determines its content. */
export async function mirrorHolding(input: MirrorInput, commit: string): Promise<Mirror | null> {
  const mirror = mirrorOf(input);
  return (await holds(mirror, commit)) ? mirror : null;
}

/**
 * The mirror with a commit in it, fetched when it is missing; one process fetches at a time.
 * @throws PromptOsError BASE_NOT_FOUND, SUBMODULE_NOT_FOUND, REPO_FETCH_FAILED, GIT_FAILED
 */
export async function mirrorWithCommit(input: MirrorInput, commit: string): Promise<Mirror> {
  const mirror = mirrorOf(input);
  if (await holds(mirror, commit)) return mirror;
  await inMirror(mirror, input.signal, async () => {
    if (await holds(mirror, commit)) return;
    const single = await fetchInto(mirror, input, ['--depth=1', `${sourceOf(input)}`, commit]);
    if (single.exitCode !== 0) {
      if (!NOT_ADVERTISED.test(single.stderr)) throw fetchFailed(input, single.stderr);
      await fetchEverything(mirror, input);
    }
    const found = await mirror.git.ask(['rev-parse', '--verify', '--quiet', `${commit}^{commit}`]);
    if (found.stdout.toString('latin1').trim() !== commit) throw baseNotFound(input, commit);
    await fetchSubmodules(mirror, input, commit);
    await mirror.git.bytes(['update-ref', `refs/promptos/${commit}`, commit]);
  });
  return mirror;
}

/**
 * Fetches the recorded commits of submodules too, from this machine alone: a clone URL in a repository is untrusted text.
 * A mirror of a clone URL has none, so that their folders are empty in checkouts.
 */
async function fetchSubmodules(mirror: Mirror, input: MirrorInput, commit: string): Promise<void> {
  const { location, environment } = input;
  if (location.kind !== 'path' || (await submodulesOf(mirror.git, commit)).length === 0) return;
  for (const submodule of await findSubmodules(location, commit, environment.local)) {
    const { exitCode, stderr } = await fetchInto(mirror, input, ['--depth=1', submodule.gitDir, submodule.commit]);
    if (exitCode !== 0) throw fetchFailed({ name: `${input.name}, submodule ${submodule.path}` }, stderr);
    await mirror.git.bytes(['update-ref', `refs/promptos/${submodule.commit}`, submodule.commit]);
  }
}

export const baseNotFound = ({ name }: Pick<MirrorInput, 'name'>, revision: string): PromptOsError =>
  new PromptOsError('BASE_NOT_FOUND', `The repository "${name}" has no commit "${gitWords(revision, 200)}".`);

const fetchFailed = ({ name }: Pick<MirrorInput, 'name'>, stderr: string): PromptOsError =>
  new PromptOsError('REPO_FETCH_FAILED', `The repository "${name}" could not be read: ${gitWords(stderr)}.`);

const sourceOf = ({ location }: MirrorInput): string => (location.kind === 'path' ? location.gitDir : location.url);

async function fetchEverything(mirror: Mirror, input: MirrorInput): Promise<void> {
  const shallow = await mirror.git.text(['rev-parse', '--is-shallow-repository']);
  const { exitCode, stderr } = await fetchInto(mirror, input, [
    '--prune',
    '--update-shallow',
    ...(shallow === 'true' ? ['--unshallow'] : []),
    sourceOf(input),
    '+refs/heads/*:refs/heads/*',
    '+refs/tags/*:refs/tags/*',
  ]);
  if (exitCode !== 0) throw fetchFailed(input, stderr);
}

function fetchInto(
  mirror: Mirror,
  { environment, location, signal }: MirrorInput,
  args: readonly string[],
): Promise<GitOutput> {
  const env = location.kind === 'url' ? environment.remote : environment.local;
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance', ...args];
  const onStart = (pid: number) => void writeFile(runningFile(mirror), markOf(pid)).catch(() => undefined);
  return mirror.git.ask(fetch, { env, signal, onStart });
}

const runningFile = ({ gitDir }: Mirror): string => `${gitDir}.running`;

/** Holds the mirror's lock. First ends the git of a holder that was killed, and removes git's lock files. */
function inMirror<T>(mirror: Mirror, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  return withLock(`${mirror.gitDir}.lock`, { signal }, async () => {
    await endOrphan(mirror);
    await makeMirror(mirror);
    try {
      return await work();
    } finally {
      await rm(runningFile(mirror), { force: true });
    }
  });
}

async function endOrphan(mirror: Mirror): Promise<void> {
  const mark = await readFile(runningFile(mirror), 'utf8').catch(() => '');
  const pid = Number(mark.split('-')[1]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  for (let attempt = 0; attempt < 100 && stateOfMark(mark) === 'alive'; attempt += 1) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended just now.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function makeMirror({ gitDir, objectFormat, git }: Mirror): Promise<void> {
  await makeFolders(gitDir);
  await removeLockFiles(gitDir);
  const attributes = join(gitDir, 'info', 'attributes');
  if ((await readFile(attributes, 'utf8').catch(() => '')) === EXACT_BYTES_ATTRIBUTES) return;
  await git.bytes(['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, gitDir]);
  await makeFolders(join(gitDir, 'info'));
  await writeFile(attributes, EXACT_BYTES_ATTRIBUTES);
}

/** No other process writes here while the lock is held, so any lock file of git's own belongs to a dead git. */
async function removeLockFiles(gitDir: string): Promise<void> {
  const folders = ['', 'refs/promptos', 'refs/heads', 'refs/tags'];
  for (const folder of folders) {
    for (const name of await readdir(join(gitDir, folder)).catch(() => [])) {
      if (name.endsWith('.lock')) await rm(join(gitDir, folder, name), { force: true, recursive: true });
    }
  }
}
