import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createGitWorkspace } from '../../src/adapters/workspace/git-workspace.js';
import type { Workspace } from '../../src/ports/workspace.js';

/** The variables of a person's git in tests: no configuration but the repository's. */
export const PERSON: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
};

/** Runs git as a person would, in a folder. */
export const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd, env: PERSON, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

export async function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** A folder for one test, removed by `remove`. */
export async function makeRoom(): Promise<{ readonly root: string; remove(): Promise<void> }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-test-git-')));
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}

/** A repository with one commit. */
export async function makeRepository(
  path: string,
  files: Readonly<Record<string, string | Buffer>> = { 'src/a.txt': 'one\ntwo\nthree\n', 'README.md': 'read me\n' },
  format = 'sha1',
): Promise<{ readonly path: string; readonly commit: string }> {
  await mkdir(path, { recursive: true });
  git(path, 'init', '-q', '-b', 'main', `--object-format=${format}`);
  await writeFiles(path, files);
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'first');
  return { path, commit: git(path, 'rev-parse', 'HEAD') };
}

/** A workspace that knows the repository at `path` as `shop`, with all its folders in `root`. */
export async function makeWorkspace(
  root: string,
  source: { readonly path: string } | { readonly url: string },
): Promise<{ readonly workspace: Workspace; readonly stateDir: string; readonly temporaryDir: string }> {
  const stateDir = join(root, 'state');
  const temporaryDir = join(root, 'tmp');
  await mkdir(temporaryDir, { recursive: true });
  const workspace = createGitWorkspace({
    repositories: { shop: source },
    stateDir,
    temporaryDir,
    env: { PATH: PERSON.PATH },
  });
  return { workspace, stateDir, temporaryDir };
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
