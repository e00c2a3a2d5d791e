import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lintCommand } from '../../../src/cli/packs/pack-commands.js';
import { pathFrom } from '../../../src/cli/packs/packs.js';
import { INDEX_PATH } from '../../../src/prompt-pack/pack-digest.js';
import { edited, locked, samplePath, unlockedPack } from '../../prompt-pack/sample-pack.js';
import { invoke } from '../recorded-context.js';

let cwd: string;
const write = async (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, 'pack', path)), { recursive: true });
    await writeFile(join(cwd, 'pack', path), text);
  }
};
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'promptos-lint-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const bad = locked(edited(unlockedPack(), samplePath('P01'), 'owner: "somebody"', 'owner: "else"'));

test('lint: a correct pack passes with exit code 0', async () => {
  await write(locked(unlockedPack()));
  const { stdout, exitCode } = await invoke(lintCommand, ['pack'], { cwd });
  expect([stdout, exitCode]).toEqual(['passed: 0 errors, 0 warnings\n', 0]);
});

test('lint: a pack with an error ends with 1 and names file, line, severity and code', async () => {
  await write(bad);
  const { stdout, exitCode } = await invoke(lintCommand, ['pack'], { cwd });
  expect(stdout).toBe(
    'pack/gates/P01.md:7 error INDEX_MISMATCH owner is "else" here and "somebody" in prompts.index.json\n' +
      'failed: 1 error, 0 warnings\n',
  );
  expect(exitCode).toBe(1);
});

test('lint: a warning alone ends with 0', async () => {
  await write(unlockedPack());
  const { stdout, exitCode } = await invoke(lintCommand, ['pack'], { cwd });
  expect(stdout).toContain('pack/prompts.lock.json:1 warning LOCK_MISSING');
  expect(exitCode).toBe(0);
});

test('lint: with --json standard output is one object', async () => {
  await write(bad);
  const { objects, stderr, exitCode } = await invoke(lintCommand, ['pack', '--json'], { cwd, json: true });
  expect(objects).toMatchObject([
    { passed: false, findings: [{ code: 'INDEX_MISMATCH', severity: 'error', path: 'gates/P01.md', line: 7 }] },
  ]);
  expect([stderr, exitCode]).toEqual(['', 1]);
});

test('lint: without a folder the built-in pack is judged', async () => {
  const { stdout, exitCode } = await invoke(lintCommand, [], { cwd });
  expect([stdout, exitCode]).toEqual(['passed: 0 errors, 0 warnings\n', 0]);
});

test('lint: a folder without an index is PACK_NOT_FOUND', async () => {
  await write({ 'a.md': 'text' });
  await expect(invoke(lintCommand, ['pack'], { cwd })).rejects.toMatchObject({ code: 'PACK_NOT_FOUND', exitCode: 2 });
});

test('lint: a file that is no text is PACK_INVALID, and the next step is not to lint', async () => {
  await mkdir(join(cwd, 'pack', INDEX_PATH), { recursive: true });
  await expect(invoke(lintCommand, ['pack'], { cwd })).rejects.toMatchObject({
    code: 'PACK_INVALID',
    message: `${INDEX_PATH} of the prompt pack is not a file. Put a file in its place that is UTF-8 text and can be read.`,
  });
});

test('lint: a broken index is reported, not thrown', async () => {
  await write({ [INDEX_PATH]: '{' });
  const { stdout, exitCode } = await invoke(lintCommand, ['pack'], { cwd });
  expect(stdout).toContain('pack/prompts.index.json:1 error INDEX_MALFORMED');
  expect(exitCode).toBe(1);
});

test('pathFrom: relative below the current folder, else absolute', () => {
  expect(pathFrom('/a/b', '/a/b/c/d.md')).toBe(join('c', 'd.md'));
  expect(pathFrom('/a/b', '/a/x/d.md')).toBe('/a/x/d.md');
});
