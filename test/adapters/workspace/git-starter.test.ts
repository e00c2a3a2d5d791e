import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDirectStarter } from '../../../src/adapters/platform/direct-starter.js';
import type { ProgramStarter } from '../../../src/adapters/platform/program-starter.js';
import { createGitWorkspace } from '../../../src/adapters/workspace/git-workspace.js';
import { makeRepository, makeRoom, PERSON, writeFiles } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
beforeEach(async () => {
  room = await makeRoom();
});
afterEach(() => room.remove());

test('git workspace: every git of a gate is started by the starter that it was given', async () => {
  const log = join(room.root, 'calls.log');
  const bin = join(room.root, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'git'), `#!/bin/sh\necho "$*" >>'${log}'\nPATH='${PERSON.PATH}' exec git "$@"\n`);
  await chmod(join(bin, 'git'), 0o755);
  const { commit } = await makeRepository(join(room.root, 'shop'));
  await mkdir(join(room.root, 'tmp'));
  const direct = createDirectStarter('session');
  const started: string[] = [];
  const programs: ProgramStarter = {
    start: (program) => {
      started.push(program.argv.slice(1).join(' '));
      return direct.start(program);
    },
  };
  const workspace = createGitWorkspace({
    repositories: { shop: { path: join(room.root, 'shop') } },
    stateDir: join(room.root, 'state'),
    temporaryDir: join(room.root, 'tmp'),
    env: { PATH: `${bin}:${PERSON.PATH}` },
    programs,
  });
  const first = await workspace.checkout({ repository: 'shop', commit });
  await writeFiles(first.directory, { 'README.md': 'changed\n' });
  const { bytes } = await first.diff();
  expect(await workspace.checkPatch('shop', commit, bytes)).toEqual({ ok: true });
  await workspace.readPatch('shop', commit, bytes);
  const patched = await workspace.checkout({ repository: 'shop', commit, patch: bytes });
  await workspace.snapshot('shop');
  await first.reset();
  await first.discard();
  await patched.discard();
  expect(started.length).toBeGreaterThan(10);
  // Git starts itself for parts of its work; the rest is what this process started.
  const seen = (await readFile(log, 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !/^(?:-|upload-pack)/.test(line));
  expect([...new Set(seen)].filter((line) => !started.includes(line))).toEqual([]);
});
