import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { markOf } from '../../../src/adapters/platform/process-identity.js';
import { createGitWorkspace } from '../../../src/adapters/workspace/git-workspace.js';
import { git, makeRepository, makeRoom, makeWorkspace, PERSON, writeFiles } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
beforeEach(async () => {
  room = await makeRoom();
});
afterEach(() => room.remove());

const inRoom = (name: string) => join(room.root, name);

const ABSENT = 'a'.repeat(40);

test.each([
  ['REPO_NOT_FOUND', async () => ({ path: inRoom('nowhere') })],
  ['REPO_NOT_GIT', async () => ({ path: room.root })],
  ['BASE_NOT_FOUND', async () => ({ path: (await makeRepository(inRoom('r'))).path })],
  ['BASE_NOT_FOUND', async () => ({ url: `file://${(await makeRepository(inRoom('r'))).path}` })],
  ['REPO_FETCH_FAILED', async () => ({ url: `file://${inRoom('nowhere.git')}` })],
  ['REPO_FETCH_FAILED', async () => ({ url: '--upload-pack=touch x' })],
  ['REPO_FETCH_FAILED', async () => ({ url: 'ext::sh -c true' })],
] as const)('checkout: %s (%#)', async (code, source) => {
  const { workspace } = await makeWorkspace(room.root, await source());
  await expect(workspace.checkout({ repository: 'shop', commit: ABSENT })).rejects.toMatchObject({ code });
});

test('checkout: REPO_NOT_FOUND for a name that the worker does not know, also one that every object has', async () => {
  const { workspace } = await makeWorkspace(room.root, { path: room.root });
  for (const repository of ['other', 'constructor']) {
    await expect(workspace.checkout({ repository, commit: ABSENT })).rejects.toMatchObject({ code: 'REPO_NOT_FOUND' });
  }
});

test('workspace: GIT_NOT_FOUND when there is no git on PATH', async () => {
  const { path } = await makeRepository(inRoom('r'));
  const workspace = createGitWorkspace({
    repositories: { shop: { path } },
    stateDir: inRoom('state'),
    env: { PATH: room.root },
  });
  await expect(workspace.checkout({ repository: 'shop', commit: ABSENT })).rejects.toMatchObject({
    code: 'GIT_NOT_FOUND',
  });
});

/** Checks out, changes and compares: everything that a run does with a repository. */
async function walkThrough(source: { readonly path: string } | { readonly url: string }, commit: string) {
  const { workspace } = await makeWorkspace(inRoom('w'), source);
  const checkout = await workspace.checkout({ repository: 'shop', commit });
  expect(git(checkout.directory, 'rev-parse', 'promptos')).toBe(commit);
  expect(git(checkout.directory, 'status', '--porcelain')).toBe('');
  await writeFile(join(checkout.directory, 'src/a.txt'), 'changed\n');
  const patch = await checkout.diff();
  expect(patch.files).toMatchObject([{ path: 'src/a.txt', status: 'modified' }]);
  expect(await workspace.checkPatch('shop', commit, patch.bytes)).toEqual({ ok: true });
  await checkout.discard();
  expect(existsSync(checkout.directory)).toBe(false);
}

test('workspace: a bare repository, also one whose HEAD leads nowhere', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  git(room.root, 'clone', '-q', '--bare', path, 'bare.git');
  await walkThrough({ path: inRoom('bare.git') }, commit);
  git(inRoom('bare.git'), 'symbolic-ref', 'HEAD', 'refs/heads/nosuch');
  await walkThrough({ path: inRoom('bare.git') }, commit);
});

test('workspace: a shallow repository', async () => {
  const { path } = await makeRepository(inRoom('r'));
  git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
  git(room.root, 'clone', '-q', '--depth=1', `file://${path}`, 'shallow');
  await walkThrough({ path: inRoom('shallow') }, git(path, 'rev-parse', 'HEAD'));
});

test('workspace: a repository with SHA-256 ids, by path and by URL', async () => {
  const { path, commit } = await makeRepository(inRoom('r'), undefined, 'sha256');
  expect(commit).toHaveLength(64);
  await walkThrough({ path }, commit);
  await walkThrough({ url: `file://${path}` }, commit);
});

test("workspace: a linked worktree of the user's, with a detached HEAD on a commit of its own", async () => {
  const { path } = await makeRepository(inRoom('r'));
  git(path, 'worktree', 'add', '-q', '--detach', inRoom('linked tree'));
  git(inRoom('linked tree'), 'commit', '-q', '--allow-empty', '-m', 'detached');
  await walkThrough({ path: inRoom('linked tree') }, git(inRoom('linked tree'), 'rev-parse', 'HEAD'));
});

test('workspace: a path with spaces, quotes and other alphabets', async () => {
  const { path, commit } = await makeRepository(inRoom('ein "Pfad" mit ü: 日本'));
  await walkThrough({ path }, commit);
});

test('workspace: a clone URL, also for a commit that no branch or tag of it names', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const url = `file://${path}`;
  await walkThrough({ url }, commit);
  git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
  await rm(inRoom('w'), { recursive: true });
  await walkThrough({ url }, commit);
});

test('workspace: a commit that came after the mirror was made is fetched', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace } = await makeWorkspace(room.root, { path });
  await workspace.checkout({ repository: 'shop', commit });
  await writeFiles(path, { 'later.txt': 'x\n' });
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'later');
  const { directory } = await workspace.checkout({ repository: 'shop', commit: git(path, 'rev-parse', 'HEAD') });
  expect(await readdir(directory)).toContain('later.txt');
});

test('checkout: has a git folder of its own that knows neither the mirror nor the repository', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace } = await makeWorkspace(room.root, { path });
  const { directory } = await workspace.checkout({ repository: 'shop', commit });
  expect(git(directory, 'remote')).toBe('');
  expect(git(directory, 'branch', '--format=%(refname:short)')).toBe('promptos');
  expect(git(directory, 'log', '--format=%s')).toBe('first');
  const files = await readdir(join(directory, '.git'), { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile())) {
    const content = await readFile(join(file.parentPath, file.name), 'latin1');
    expect(content).not.toContain(room.root);
  }
});

test('checkout: BASE_NOT_FOUND for an invalid commit id, or a missing commit', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace } = await makeWorkspace(room.root, { path });
  for (const wrong of ['main', '0'.repeat(40), git(path, 'rev-parse', `${commit}^{tree}`)]) {
    await expect(workspace.checkout({ repository: 'shop', commit: wrong })).rejects.toMatchObject({
      code: 'BASE_NOT_FOUND',
    });
  }
});

const NO_SUCH_FILE = Buffer.from('diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n');
const CLIMBING = Buffer.from(
  'diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+b\n',
);

test.each([
  ['to a missing file', NO_SUCH_FILE],
  ['out of the tree', CLIMBING],
  ['that is no patch', Buffer.from('hello\n')],
])('checkPatch, readPatch and checkout: a patch %s is refused with a reason', async (_what, patch) => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, temporaryDir } = await makeWorkspace(room.root, { path });
  const answer = await workspace.checkPatch('shop', commit, patch);
  expect(answer.ok).toBe(false);
  expect(answer.ok ? '' : answer.reason).not.toBe('');
  const refused = { code: 'PATCH_NOT_APPLICABLE' };
  await expect(workspace.readPatch('shop', commit, patch)).rejects.toMatchObject(refused);
  await expect(workspace.checkout({ repository: 'shop', commit, patch })).rejects.toMatchObject(refused);
  await expect.poll(() => readdir(temporaryDir)).toEqual([]);
});

test('discard: removes folders that were made read-only', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, temporaryDir } = await makeWorkspace(room.root, { path });
  const checkout = await workspace.checkout({ repository: 'shop', commit });
  await chmod(join(checkout.directory, 'src'), 0o555);
  await chmod(checkout.directory, 0o555);
  await checkout.discard();
  await checkout.discard();
  expect(existsSync(checkout.directory)).toBe(false);
  await expect.poll(() => readdir(temporaryDir)).toEqual([]);
});

test("checkout: an aborted signal ends it with the signal's reason and leaves nothing", async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, temporaryDir } = await makeWorkspace(room.root, { path });
  const reason = new Error('cancelled');
  await expect(workspace.checkout({ repository: 'shop', commit, signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  );
  expect(await readdir(temporaryDir)).toEqual([]);
});

test('checkout: a signal that is aborted while git waits for another machine kills git', async () => {
  // An ssh that never answers: git waits for it until it is killed.
  await mkdir(inRoom('bin'));
  const pidFile = inRoom('pid');
  await writeFile(inRoom('bin/ssh'), `#!/bin/sh\necho $$ > '${pidFile}'\nexec sleep 600\n`, { mode: 0o755 });
  const workspace = createGitWorkspace({
    repositories: { shop: { url: 'ssh://git.example.org/shop.git' } },
    stateDir: inRoom('state'),
    env: { PATH: `${inRoom('bin')}:${PERSON.PATH}` },
  });
  const abort = new AbortController();
  const pending = workspace.checkout({ repository: 'shop', commit: 'a'.repeat(40), signal: abort.signal });
  const outcome = expect(pending).rejects.toThrow('cancelled');
  await expect.poll(() => existsSync(pidFile)).toBe(true);
  await expect.poll(() => readFile(pidFile, 'utf8')).toMatch(/\d/);
  const pid = Number(await readFile(pidFile, 'utf8'));
  abort.abort(new Error('cancelled'));
  await outcome;
  await expect.poll(() => isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8', stdio: 'pipe' }));
  } catch {
    return false;
  }
}

test('workspace: GIT_* variables of the process have no influence', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const workspace = createGitWorkspace({
    repositories: { shop: { path } },
    stateDir: inRoom('state'),
    temporaryDir: room.root,
    env: {
      ...PERSON,
      GIT_DIR: '/nonexistent',
      GIT_INDEX_FILE: '/nonexistent',
      GIT_CONFIG_PARAMETERS: "'core.bare'='x'",
    },
  });
  const { directory } = await workspace.checkout({ repository: 'shop', commit });
  expect(git(directory, 'rev-parse', 'HEAD')).toBe(commit);
});

test('workspace: what a dead process left is removed at the next start, what a living one uses is not', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, temporaryDir, stateDir } = await makeWorkspace(room.root, { path });
  const mine = await workspace.checkout({ repository: 'shop', commit });
  const [name = ''] = await readdir(temporaryDir);
  const child = spawn('true');
  await once(child, 'exit');
  const [place, , start] = name.slice('promptos-checkout-'.length).split('-');
  const ofTheDead = `promptos-checkout-${place}-${child.pid}-${start}-abc123`;
  const ofAnEarlierProcessWithMyNumber = `promptos-checkout-${place}-${process.pid}-1-abc123`;
  const ofAnotherMachine = `promptos-checkout-${'0'.repeat(10)}-${child.pid}-1-abc123`;
  for (const folder of [ofTheDead, ofAnEarlierProcessWithMyNumber, ofAnotherMachine, 'promptos-checkout-mine']) {
    await writeFiles(join(temporaryDir, folder), { 'x/y': 'z' });
  }
  await makeWorkspace(room.root, { path }).then((next) => next.workspace.snapshot('shop'));
  expect((await readdir(temporaryDir)).sort()).toEqual([name, ofAnotherMachine, 'promptos-checkout-mine'].sort());
  expect(existsSync(mine.directory)).toBe(true);
  expect(await readdir(join(stateDir, 'scratch')).catch(() => [])).toEqual([]);
});

test('workspace: many checkouts at once from a mirror that does not exist yet', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { stateDir, temporaryDir } = await makeWorkspace(room.root, { path });
  const checkouts = await Promise.all(
    Array.from({ length: 4 }, () =>
      createGitWorkspace({ repositories: { shop: { path } }, stateDir, temporaryDir }).checkout({
        repository: 'shop',
        commit,
      }),
    ),
  );
  for (const { directory } of checkouts) expect(git(directory, 'rev-parse', 'HEAD')).toBe(commit);
});

test('workspace: lock files that a killed git left in the mirror block nothing', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, stateDir } = await makeWorkspace(room.root, { path });
  await workspace.checkout({ repository: 'shop', commit });
  const mirrors = await readdir(join(stateDir, 'mirrors'));
  const mirror = join(stateDir, 'mirrors', mirrors.find((name) => name.endsWith('.git')) ?? '');
  for (const lock of ['shallow.lock', 'packed-refs.lock', 'config.lock']) await writeFile(join(mirror, lock), '');
  git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
  const { directory } = await workspace.checkout({ repository: 'shop', commit: git(path, 'rev-parse', 'HEAD') });
  expect(await readdir(join(directory, 'src'))).toEqual(['a.txt']);
});

test('workspace: a git that outlives its killed worker is ended before the mirror is fetched into again', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, stateDir } = await makeWorkspace(room.root, { path });
  await workspace.checkout({ repository: 'shop', commit });
  const mirrors = await readdir(join(stateDir, 'mirrors'));
  const mirror = join(stateDir, 'mirrors', mirrors.find((name) => name.endsWith('.git')) ?? '');
  const orphan = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const bystander = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  try {
    const ended = once(orphan, 'exit');
    await writeFile(`${mirror}.running`, markOf(orphan.pid ?? 0));
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
    await workspace.checkout({ repository: 'shop', commit: git(path, 'rev-parse', 'HEAD') });
    expect(await ended).toEqual([null, 'SIGKILL']);
    // A number that now belongs to another process is left alone.
    const [place] = markOf(bystander.pid ?? 0).split('-');
    await writeFile(`${mirror}.running`, `${place}-${bystander.pid}-1`);
    git(path, 'commit', '-q', '--allow-empty', '-m', 'third');
    await workspace.checkout({ repository: 'shop', commit: git(path, 'rev-parse', 'HEAD') });
    expect(isAlive(bystander.pid ?? 0)).toBe(true);
  } finally {
    orphan.kill('SIGKILL');
    bystander.kill('SIGKILL');
  }
});

test('workspace: a mirror that was damaged by hand is a failure with a code, not a hang', async () => {
  const { path, commit } = await makeRepository(inRoom('r'));
  const { workspace, stateDir } = await makeWorkspace(room.root, { path });
  await workspace.checkout({ repository: 'shop', commit });
  const mirrors = await readdir(join(stateDir, 'mirrors'));
  const mirror = join(stateDir, 'mirrors', mirrors.find((name) => name.endsWith('.git')) ?? '');
  await rm(join(mirror, 'objects'), { recursive: true });
  const next = await makeWorkspace(room.root, { path });
  await expect(next.workspace.checkout({ repository: 'shop', commit })).rejects.toMatchObject({ code: 'GIT_FAILED' });
});
