import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engineGitEnv } from '../../../src/adapters/git/environments.js';
import { runGit } from '../../../src/adapters/git/run-git.js';
import { createGitWorkspace } from '../../../src/adapters/workspace/git-workspace.js';
import { git, makeRepository, makeRoom, makeWorkspace, PERSON, writeFiles } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
beforeEach(async () => {
  room = await makeRoom();
});
afterEach(() => room.remove());
const inRoom = (...parts: string[]) => join(room.root, ...parts);

/** What the engine's git prints in a folder, with variables that only the test adds. */
async function printed(cwd: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const { local } = await engineGitEnv(inRoom('state'), { PATH: PERSON.PATH });
  const { exitCode, stdout } = await runGit({ args, cwd, env: { ...local, ...more } });
  return { exitCode, lines: stdout.toString('utf8').split('\n').slice(0, -1) };
}

describe("the engine's git", () => {
  test('a replaced commit is read as it was made', async () => {
    const { path, commit } = await makeRepository(inRoom('r'));
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
    git(path, 'replace', '--graft', 'HEAD');
    expect(() => git(path, 'rev-parse', '--verify', '--quiet', 'main~1')).toThrow();
    expect((await printed(path, ['rev-parse', 'main~1'])).lines).toEqual([commit]);
  });

  test('a replaced file is checked out as it was committed', async () => {
    const { path, commit } = await makeRepository(inRoom('r'), { 'a.txt': 'good\n', 'b.txt': 'evil\n' });
    git(path, 'replace', git(path, 'rev-parse', 'HEAD:a.txt'), git(path, 'rev-parse', 'HEAD:b.txt'));
    expect(git(path, 'show', 'HEAD:a.txt')).toBe('evil');
    const { workspace } = await makeWorkspace(room.root, { path });
    const { directory, discard } = await workspace.checkout({ repository: 'shop', commit });
    expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('good\n');
    await discard();
  });

  test('a path names one file, whatever its characters mean in a pathspec', async () => {
    const { path } = await makeRepository(inRoom('r'), { 'a[1].txt': '', 'a1.txt': '', ':(top)x': '', x: '' });
    expect((await printed(path, ['ls-files', '--', 'a[1].txt', '*'])).lines).toEqual(['a[1].txt']);
    expect((await printed(path, ['ls-files', '--', ':(top)x'])).lines).toEqual([':(top)x']);
  });

  test("the system's configuration is not read", async () => {
    const { path } = await makeRepository(inRoom('r'));
    const system = { GIT_CONFIG_SYSTEM: inRoom('gitconfig') };
    await writeFile(system.GIT_CONFIG_SYSTEM, '[filter "evil"]\n\tclean = false\n');
    expect(await printed(path, ['config', '--get', 'filter.evil.clean'], system)).toEqual({ exitCode: 1, lines: [] });
    const { local, remote } = await engineGitEnv(inRoom('state'), {});
    for (const env of [local, remote]) expect(env).toMatchObject({ GIT_ATTR_NOSYSTEM: '1' });
  });

  test("a repository's own configuration starts neither hooks nor a file system monitor", async () => {
    const { path } = await makeRepository(inRoom('r'));
    git(path, 'config', 'core.fsmonitor', 'evil');
    git(path, 'config', 'core.hooksPath', room.root);
    expect((await printed(path, ['config', '--get', 'core.fsmonitor'])).lines).toEqual(['false']);
    expect((await printed(path, ['config', '--get', 'core.hooksPath'])).lines).toEqual(['/dev/null']);
  });
});

describe('clone URLs that name a program', () => {
  /** Makes a checkout from a URL, with a transport of our own on PATH, and says whether it or a command of the URL was run. */
  async function resolved(url: string) {
    const trace = inRoom('executed');
    await writeFiles(inRoom('bin'), { 'git-remote-evil': `#!/bin/sh\ntouch '${trace}'\nexit 1\n` });
    await chmod(inRoom('bin', 'git-remote-evil'), 0o755);
    const workspace = createGitWorkspace({
      repositories: { shop: { url: url.replace('TRACE', trace) } },
      stateDir: inRoom('state'),
      temporaryDir: room.root,
      env: { PATH: `${inRoom('bin')}:${PERSON.PATH}` },
    });
    const code = await workspace.checkout({ repository: 'shop', commit: 'a'.repeat(40) }).then(
      () => null,
      (error: { code?: string }) => error.code,
    );
    return { code, executed: existsSync(trace) };
  }

  test.each(['ext::touch TRACE', 'ext::sh -c touch% TRACE', 'evil::x', 'evil://x/y', 'fd::17'])(
    '%s: refused, and nothing is run',
    async (url) => {
      expect(await resolved(url)).toEqual({ code: 'REPO_FETCH_FAILED', executed: false });
    },
  );

  test('a mirror whose configuration allows every transport: refused all the same', async () => {
    const { path, commit } = await makeRepository(inRoom('r'));
    const { workspace } = await makeWorkspace(room.root, { url: `file://${path}` });
    await (await workspace.checkout({ repository: 'shop', commit })).discard();
    const [mirror = ''] = await readdir(inRoom('state', 'mirrors'));
    const gitDir = inRoom('state', 'mirrors', mirror);
    git(gitDir, 'config', 'protocol.allow', 'always');
    git(gitDir, 'config', 'protocol.ext.allow', 'always');
    const fetched = await printed(gitDir, ['fetch', `ext::touch ${inRoom('executed')}`]);
    expect({ failed: fetched.exitCode !== 0, executed: existsSync(inRoom('executed')) }).toEqual({
      failed: true,
      executed: false,
    });
  });
});

describe('attributes of a tree that change bytes', () => {
  const LINE = '$Id$ more\r\n';
  /**
   * By the attribute that would change bytes in a working tree: content as it is committed, and as it is taken back with
   * a line more. Nothing is converted on the way out; on the way back the patch has what `git add` would make of it.
   */
  const CASES: Readonly<Record<string, readonly [before: string, after: string]>> = {
    'text eol=crlf': ['a\nb\n', 'a\nb\n$Id$ more\n'],
    'text=auto': ['a\r\nb\r\n', `a\r\nb\r\n${LINE}`],
    crlf: ['a\r\nb\r\n', 'a\nb\n$Id$ more\n'],
    ident: ['$Id$\n', `$Id$\n${LINE}`],
    'working-tree-encoding=UTF-16LE': ['text\n', `text\n${LINE}`],
  };

  test.each(Object.entries(CASES))(
    '%s: files are checked out byte for byte, and taken back as git would add them',
    async (attributes, [before, after]) => {
      const { path } = await makeRepository(inRoom('r'), { 'a.txt': before });
      await writeFile(join(path, '.gitattributes'), `*.txt ${attributes}\n`);
      git(path, 'add', '.gitattributes');
      git(path, 'commit', '-q', '-m', 'attributes');
      const commit = git(path, 'rev-parse', 'HEAD');
      const { workspace } = await makeWorkspace(room.root, { path });
      const checkout = await workspace.checkout({ repository: 'shop', commit });
      const file = join(checkout.directory, 'a.txt');
      expect(await readFile(file, 'utf8')).toBe(before);
      expect((await checkout.diff()).files).toEqual([]);
      await writeFile(file, `${before}${LINE}`);
      const { bytes } = await checkout.diff();
      const applied = await workspace.checkout({ repository: 'shop', commit, patch: bytes });
      expect(await readFile(join(applied.directory, 'a.txt'), 'utf8')).toBe(after);
      await checkout.discard();
      await applied.discard();
    },
  );

  test('in a checkout and in the mirror every one of them is unset, whatever the tree says', async () => {
    const { path, commit } = await makeRepository(inRoom('r'), {
      '.gitattributes': 'x text crlf eol=crlf filter=lfs ident working-tree-encoding=UTF-16\n',
    });
    const { workspace } = await makeWorkspace(room.root, { path });
    const checkout = await workspace.checkout({ repository: 'shop', commit });
    const [mirror = ''] = await readdir(inRoom('state', 'mirrors'));
    const names = ['text', 'crlf', 'eol', 'filter', 'ident', 'working-tree-encoding'];
    for (const gitDir of [join(checkout.directory, '.git'), inRoom('state', 'mirrors', mirror)]) {
      const said = execFileSync('git', ['check-attr', ...names, '--', 'x'], {
        cwd: checkout.directory,
        env: { ...PERSON, GIT_DIR: gitDir, GIT_WORK_TREE: checkout.directory },
        encoding: 'utf8',
      });
      expect(said).toBe(names.map((name) => `x: ${name}: unset\n`).join(''));
    }
    await checkout.discard();
  });
});
