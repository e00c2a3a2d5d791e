import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { builtInPackDir } from '../../src/config/pack-folder.js';
import { readPackFolder, readPromptPack } from '../../src/config/prompt-pack.js';
import { promptPackBundleSchema } from '../../src/contracts/prompt-pack.js';
import { INDEX_PATH, LOCK_PATH } from '../../src/prompt-pack/pack-digest.js';
import { edited, locked, samplePath, unlockedPack } from '../prompt-pack/sample-pack.js';

const env = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
};
const good = locked(unlockedPack());
const P01 = samplePath('P01');
let root: string;
let pack: string;

async function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-C', folder, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
const commitAll = (folder: string, tag?: string) => {
  git(folder, 'init', '-q');
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'pack');
  if (tag !== undefined) git(folder, 'tag', tag);
};
const versionOf = async (folder: string) => (await readPromptPack(folder, env)).prompt_os_version;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-pack-'));
  pack = join(root, 'pack');
  await write(pack, good);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('readPromptPack', () => {
  test('readPromptPack: gives index, lock and prompts as a valid bundle, and nothing else', async () => {
    await write(pack, { 'notes.md': 'unlisted' });
    const bundle = await readPromptPack(pack, env);
    expect(promptPackBundleSchema.parse(bundle)).toEqual(bundle);
    expect(bundle.files).toEqual(good);
    expect(bundle.prompt_os_version).toBe('v1.2.3');
  });

  test('readPromptPack: the built-in pack is found and reads', async () => {
    expect(builtInPackDir()).toMatch(/[/\\]prompts$/);
    expect((await readPromptPack(builtInPackDir(), env)).files[INDEX_PATH]).toContain('"v1.1.0"');
  });

  test('readPromptPack: a pack without a lock reads', async () => {
    await rm(join(pack, LOCK_PATH));
    expect((await readPromptPack(pack, env)).files[LOCK_PATH]).toBeUndefined();
  });

  test.each([
    ['a missing folder', 'nowhere'],
    ['a folder without an index', 'pack/gates'],
    ['a file', `pack/${INDEX_PATH}`],
  ])('readPromptPack: refuses %s with PACK_NOT_FOUND', async (_, path) => {
    await expect(readPromptPack(join(root, path), env)).rejects.toMatchObject({ code: 'PACK_NOT_FOUND' });
  });

  test('readPromptPack: refuses a pack that differs from its lock', async () => {
    await write(pack, edited(good, P01, 'Do the work', 'Skip the work'));
    await expect(readPromptPack(pack, env)).rejects.toMatchObject({ code: 'PACK_LOCK_MISMATCH' });
  });

  test.each([
    ['an index that is no JSON', { [INDEX_PATH]: '{' }, `${INDEX_PATH}:1`],
    ['a path that climbs out', edited(good, INDEX_PATH, P01, '../../P01.md'), 'prompts.1.path'],
    ['an absolute path', edited(good, INDEX_PATH, P01, '/P01.md'), 'prompts.1.path'],
    ['a missing file', edited(good, INDEX_PATH, P01, 'gates/none.md'), 'gates/none.md'],
    ['bytes that are no UTF-8', { [P01]: Uint8Array.of(0x2d, 0xff, 0xfe) }, 'UTF-8'],
    ['a file of more than a mebibyte', { [P01]: 'x'.repeat(1_048_577) }, '1048577'],
  ])('readPromptPack: refuses %s with PACK_INVALID', async (_, files, message) => {
    await write(pack, files);
    await expect(readPromptPack(pack, env)).rejects.toMatchObject({
      code: 'PACK_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('readPromptPack: refuses a folder and a named pipe in the place of a prompt, without waiting', async () => {
    await rm(join(pack, P01));
    execFileSync('mkfifo', [join(pack, P01)]);
    await expect(readPromptPack(pack, env)).rejects.toMatchObject({ code: 'PACK_INVALID' });
    await rm(join(pack, P01));
    await mkdir(join(pack, P01));
    await expect(readPromptPack(pack, env)).rejects.toMatchObject({ code: 'PACK_INVALID' });
  });

  test('readPromptPack: follows a symbolic link inside the pack, refuses one that leaves it', async () => {
    const text = good[P01] ?? '';
    await rm(join(pack, P01));
    await write(pack, { 'shared/P01.md': text });
    await symlink('../shared/P01.md', join(pack, P01));
    expect((await readPromptPack(pack, env)).files[P01]).toBe(text);

    await write(root, { 'pack-outside/P01.md': text });
    await rm(join(pack, P01));
    await symlink('../../pack-outside/P01.md', join(pack, P01));
    await expect(readPromptPack(pack, env)).rejects.toMatchObject({ code: 'PACK_INVALID' });
  });

  test.each([INDEX_PATH, LOCK_PATH])('readPromptPack: refuses a %s that is a link out of the pack', async (path) => {
    await write(root, { outside: good[path] ?? '' });
    await rm(join(pack, path));
    await symlink('../outside', join(pack, path));
    await expect(readPromptPack(pack, env)).rejects.toMatchObject({ code: 'PACK_INVALID' });
  });

  test('readPromptPack: a pack folder that is itself reached by a link reads', async () => {
    await symlink(pack, join(root, 'link'));
    expect((await readPromptPack(join(root, 'link'), env)).files).toEqual(good);
  });
});

describe('readPromptPack: the version', () => {
  test("the version: is the tag when the pack's own repository is clean and at it", async () => {
    commitAll(pack, 'v9.9.9');
    expect(await versionOf(pack)).toBe('v9.9.9');
  });

  test('the version: the tag is found also from inside a git hook of another repository', async () => {
    commitAll(pack, 'v9.9.9');
    const hook = { ...env, GIT_DIR: join(root, 'other/.git'), GIT_INDEX_FILE: join(root, 'other/index') };
    expect((await readPromptPack(pack, hook)).prompt_os_version).toBe('v9.9.9');
  });

  test("the version: is the index's without a tag, or with one elsewhere", async () => {
    commitAll(pack);
    expect(await versionOf(pack)).toBe('v1.2.3');
    git(pack, 'tag', 'v9.9.9');
    git(pack, 'commit', '-q', '--allow-empty', '-m', 'later');
    expect(await versionOf(pack)).toBe('v1.2.3');
  });

  test.each([
    ['a changed file', { [P01]: edited(good, P01, 'Do the work', 'Do this work')[P01] ?? '' }],
    ['an untracked file', { 'new.md': 'text' }],
  ])("the version: is the index's with %s in the tagged repository", async (_, files) => {
    commitAll(pack, 'v9.9.9');
    await rm(join(pack, LOCK_PATH));
    git(pack, 'commit', '-qam', 'without a lock');
    git(pack, 'tag', 'v9.9.10');
    expect(await versionOf(pack)).toBe('v9.9.10');
    await write(pack, files);
    expect(await versionOf(pack)).toBe('v1.2.3');
  });

  test("the version: is the index's when git ignores the pack's files", async () => {
    await write(pack, { '.gitignore': 'gates/\n' });
    commitAll(pack, 'v9.9.9');
    expect(await versionOf(pack)).toBe('v1.2.3');
  });

  test("the version: is the index's when a tagged project merely contains the pack", async () => {
    commitAll(root, 'v9.9.9');
    expect(await versionOf(pack)).toBe('v1.2.3');
  });

  test("the version: is the index's where there is no git", async () => {
    commitAll(pack, 'v9.9.9');
    expect((await readPromptPack(pack, { PATH: root })).prompt_os_version).toBe('v1.2.3');
  });

  test('the version: no program that the repository configures is run', async () => {
    commitAll(pack, 'v9.9.9');
    const ran = join(root, 'ran');
    git(pack, 'config', 'core.fsmonitor', `touch ${ran} #`);
    expect(await versionOf(pack)).toBe('v9.9.9');
    expect(existsSync(ran)).toBe(false);
    git(pack, 'status');
    expect(existsSync(ran)).toBe(true);
  });
});

describe('readPackFolder', () => {
  test('readPackFolder: shows files that the index does not name, but no hidden ones, links or modules', async () => {
    await write(pack, {
      'extra/P09.md': 'text',
      '.git/config': 'x',
      'node_modules/a/b.md': 'x',
      'logo.png': Uint8Array.of(0xff, 0xd8),
    });
    await symlink(join(root, 'nowhere'), join(pack, 'dangling'));
    const files = await readPackFolder(pack);
    expect(Object.keys(files).sort()).toEqual([...Object.keys(good), 'extra/P09.md', 'logo.png'].sort());
    expect([files['extra/P09.md'], files['logo.png']]).toEqual(['text', '']);
  });

  test('readPackFolder: shows a pack whose index is broken, so that the linter can tell', async () => {
    await write(pack, { [INDEX_PATH]: '{' });
    expect((await readPackFolder(pack))[INDEX_PATH]).toBe('{');
  });
});
