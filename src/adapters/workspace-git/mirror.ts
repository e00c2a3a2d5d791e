import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import { withLock } from '../platform/lock.js';
import { markOf, stateOfMark } from '../platform/process-identity.js';
import { EXACT_BYTES_ATTRIBUTES, type GitEnvironment } from './git-environment.js';
import type { RepositoryLocation } from './repository-location.js';
import { type GitOutput, gitWords, requireGit, runGit } from './run-git.js';
import { findSubmodules, submodulesOf } from './submodules.js';

/** The engine's own copy of a repository: a bare one that holds the commits that runs start from, without their history. */
export interface Mirror {
  readonly gitDir: string;
  readonly objectFormat: string;
  /** The environment of the engine's git, for work with the mirror. */
  readonly env: Readonly<Record<string, string>>;
}

export interface MirrorInput {
  readonly stateDir: string;
  readonly name: string;
  readonly location: RepositoryLocation;
  readonly objectFormat: string;
  readonly environment: GitEnvironment;
  readonly signal?: AbortSignal | undefined;
}

/** How git names a commit that the other side does not have, or will not give by its id alone. */
const NOT_ADVERTISED =
  /not our ref|unadvertised object|couldn't find remote ref|no such remote ref|does not allow request/i;

function mirrorOf({ stateDir, name, location, objectFormat, environment }: MirrorInput): Mirror {
  const where = location.kind === 'path' ? location.gitDir : location.url;
  const key = createHash('sha256').update(`${objectFormat}\n${where}`).digest('hex').slice(0, 12);
  return { gitDir: join(stateDir, 'mirrors', `${name}-${key}.git`), objectFormat, env: environment.local };
}

/** Runs git on the mirror itself, without any working tree. */
export const mirrorGit = (
  mirror: Mirror,
  args: readonly string[],
  more: { readonly signal?: AbortSignal | undefined } = {},
) => ({ args, cwd: mirror.gitDir, env: { ...mirror.env, GIT_DIR: mirror.gitDir }, ...more }) as const;

/** Whether the mirror is there and has the commit. */
async function holds(mirror: Mirror, commit: string): Promise<boolean> {
  const reference = join(mirror.gitDir, 'refs', 'promptos', commit);
  return (await readFile(reference, 'utf8').catch(() => '')).trim() === commit;
}

/** The mirror when it has the commit already, else null. Starts no git: a commit's id says what it holds. */
export async function mirrorHolding(input: MirrorInput, commit: string): Promise<Mirror | null> {
  const mirror = mirrorOf(input);
  return (await holds(mirror, commit)) ? mirror : null;
}

/**
 * The mirror with a commit in it, fetched when it was not there yet; one process fetches at a time.
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
    const found = await runGit(mirrorGit(mirror, ['rev-parse', '--verify', '--quiet', `${commit}^{commit}`]));
    if (found.stdout.toString('latin1').trim() !== commit) throw baseNotFound(input, commit);
    await fetchSubmodules(mirror, input, commit);
    await requireGit(mirrorGit(mirror, ['update-ref', `refs/promptos/${commit}`, commit]));
  });
  return mirror;
}

/**
 * Fetches the recorded commits of submodules too, from this machine alone: a clone URL in a repository is anybody's text.
 * A mirror of a clone URL has none, so that their folders are empty in checkouts.
 */
async function fetchSubmodules(mirror: Mirror, input: MirrorInput, commit: string): Promise<void> {
  const { location, environment } = input;
  if (location.kind !== 'path' || (await submodulesOf(mirrorGit(mirror, []), commit)).length === 0) return;
  for (const submodule of await findSubmodules(location, commit, environment.local)) {
    const { exitCode, stderr } = await fetchInto(mirror, input, ['--depth=1', submodule.gitDir, submodule.commit]);
    if (exitCode !== 0) throw fetchFailed({ name: `${input.name}, submodule ${submodule.path}` }, stderr);
    await requireGit(mirrorGit(mirror, ['update-ref', `refs/promptos/${submodule.commit}`, submodule.commit]));
  }
}

/**
 * The commit that a revision such as `main~2` stands for, in a mirror of all branches and tags.
 * @throws PromptOsError BASE_NOT_FOUND, REPO_FETCH_FAILED, GIT_FAILED
 */
export async function resolveInFullMirror(input: MirrorInput, revision: string): Promise<string> {
  const mirror = mirrorOf(input);
  return inMirror(mirror, input.signal, async () => {
    await fetchEverything(mirror, input);
    const found = await runGit(mirrorGit(mirror, ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]));
    if (found.exitCode !== 0) throw baseNotFound(input, revision);
    return found.stdout.toString('latin1').trim();
  });
}

export const baseNotFound = ({ name }: Pick<MirrorInput, 'name'>, revision: string): PromptOsError =>
  new PromptOsError('BASE_NOT_FOUND', `The repository "${name}" has no commit "${gitWords(revision, 200)}".`);

export const fetchFailed = ({ name }: Pick<MirrorInput, 'name'>, stderr: string): PromptOsError =>
  new PromptOsError('REPO_FETCH_FAILED', `The repository "${name}" could not be read: ${gitWords(stderr)}.`);

const sourceOf = ({ location }: MirrorInput): string => (location.kind === 'path' ? location.gitDir : location.url);

async function fetchEverything(mirror: Mirror, input: MirrorInput): Promise<void> {
  const shallow = await requireGit(mirrorGit(mirror, ['rev-parse', '--is-shallow-repository']));
  const { exitCode, stderr } = await fetchInto(mirror, input, [
    '--prune',
    '--update-shallow',
    ...(shallow.toString('latin1').trim() === 'true' ? ['--unshallow'] : []),
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
  return runGit({
    args: ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance', ...args],
    cwd: mirror.gitDir,
    env: { ...env, GIT_DIR: mirror.gitDir },
    signal,
    onStart: (pid) => void writeFile(runningFile(mirror), markOf(pid)).catch(() => undefined),
  });
}

const runningFile = ({ gitDir }: Mirror): string => `${gitDir}.running`;

/** Holds the mirror's lock, and first clears away what a holder that was killed left: its git, and git's lock files. */
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

async function makeMirror({ gitDir, objectFormat, env }: Mirror): Promise<void> {
  await mkdir(gitDir, { recursive: true });
  await removeLockFiles(gitDir);
  const attributes = join(gitDir, 'info', 'attributes');
  if ((await readFile(attributes, 'utf8').catch(() => '')) === EXACT_BYTES_ATTRIBUTES) return;
  const args = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, gitDir];
  await requireGit({ args, cwd: gitDir, env });
  await mkdir(join(gitDir, 'info'), { recursive: true });
  await writeFile(attributes, EXACT_BYTES_ATTRIBUTES);
}

/** Nobody else writes here while the lock is held, so any lock file of git's own is a dead git's. */
async function removeLockFiles(gitDir: string): Promise<void> {
  const folders = ['', 'refs/promptos', 'refs/heads', 'refs/tags'];
  for (const folder of folders) {
    for (const name of await readdir(join(gitDir, folder)).catch(() => [])) {
      if (name.endsWith('.lock')) await rm(join(gitDir, folder, name), { force: true, recursive: true });
    }
  }
}
