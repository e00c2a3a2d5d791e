import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { promptsCommand } from '../../../src/cli/packs/pack-commands.js';
import { LOCK_PATH } from '../../../src/prompt-pack/pack-digest.js';
import { bundleOf, edited, locked, samplePath, unlockedPack } from '../../prompt-pack/sample-pack.js';
import { invoke } from '../recorded-context.js';

const good = locked(unlockedPack());
const P05 = samplePath('P05');
let cwd: string;
const write = async (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, 'pack', path)), { recursive: true });
    await writeFile(join(cwd, 'pack', path), text);
  }
};
const prompts = (args: string[], json = false) =>
  invoke(promptsCommand, [...args, '--prompt-pack', 'pack'], { cwd, json });
const lockText = () => readFile(join(cwd, 'pack', LOCK_PATH), 'utf8');

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'promptos-prompts-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

describe('prompts list', () => {
  test('prompts list: prints version, digest and each prompt', async () => {
    await write(good);
    const { stdout } = await prompts(['list']);
    const { digest } = bundleOf(good);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['PromptOS v1.2.3', `digest ${digest}`]);
    expect(lines.slice(2).map((line) => line.slice(0, 3))).toEqual(['P00', 'P01', 'P03', 'P05', 'P06', 'P07', 'P08']);
    expect(lines[2]).toMatch(/^P00 {2}1\.2\.3 {2}[0-9a-f]{64} {2}Prompt P00$/);
  });

  test('prompts list: with --json one object without the texts', async () => {
    await write(good);
    const { objects } = await prompts(['list', '--json'], true);
    expect(objects).toMatchObject([{ prompt_os_version: 'v1.2.3', digest: bundleOf(good).digest }]);
    expect(objects[0]?.prompts).toHaveLength(7);
    expect(JSON.stringify(objects)).not.toContain('Do the work');
  });

  test('prompts list: a pack that differs from its lock is PACK_LOCK_MISMATCH', async () => {
    await write(edited(good, P05, 'Do the work', 'Do no work'));
    await expect(prompts(['list'])).rejects.toMatchObject({ code: 'PACK_LOCK_MISMATCH', exitCode: 2 });
  });
});

describe('prompts show', () => {
  test.each(['P05', 'p05'])('prompts show: prints the file of %s byte for byte', async (id) => {
    await write(good);
    expect((await prompts(['show', id])).stdout).toBe(good[P05]);
  });

  test('prompts show: an id that no pack has is USAGE', async () => {
    await write(good);
    await expect(prompts(['show', 'P02'])).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
  });
});

describe('prompts lock', () => {
  test('prompts lock: writes the lock, then finds it current', async () => {
    await write(unlockedPack());
    expect((await prompts(['lock'])).stdout).toBe('pack/prompts.lock.json: written\n');
    expect(await lockText()).toBe(good[LOCK_PATH]);
    expect((await prompts(['lock'])).stdout).toBe('pack/prompts.lock.json: current\n');
    expect((await readdir(join(cwd, 'pack'))).sort()).toEqual(['gates', 'prompts.index.json', LOCK_PATH]);
  });

  test('prompts lock: renews the lock of a changed prompt', async () => {
    const changed = edited(unlockedPack(), P05, 'Do the work', 'Do the whole work');
    await write({ ...good, ...changed });
    await prompts(['lock']);
    expect(await lockText()).toBe(locked(changed)[LOCK_PATH]);
  });

  test('prompts lock --check: a stale lock ends with 1 and stays', async () => {
    await write(edited(good, P05, 'Do the work', 'Do the whole work'));
    const { objects, exitCode } = await prompts(['lock', '--check', '--json'], true);
    expect(objects).toEqual([{ path: join('pack', LOCK_PATH), result: 'stale' }]);
    expect(exitCode).toBe(1);
    expect((await prompts(['lock', '--check'])).stdout).toContain('run `promptos prompts lock --prompt-pack pack`');
    expect(await lockText()).toBe(good[LOCK_PATH]);
  });

  test('prompts lock --check: no lock ends with 1 and none is written', async () => {
    await write(unlockedPack());
    expect((await prompts(['lock', '--check'])).exitCode).toBe(1);
    await expect(lockText()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('prompts lock --check: a current lock ends with 0', async () => {
    await write(good);
    expect((await prompts(['lock', '--check'])).exitCode).toBe(0);
  });

  test('prompts lock: a pack with errors is not locked', async () => {
    await write(edited(unlockedPack(), P05, 'owner: "somebody"', 'owner: "else"'));
    await expect(prompts(['lock'])).rejects.toMatchObject({
      code: 'PACK_LINT_FAILED',
      message: expect.stringContaining('pack/gates/P05.md:7 INDEX_MISMATCH'),
    });
    await expect(lockText()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
