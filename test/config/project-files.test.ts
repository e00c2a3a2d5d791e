import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureStateFolder, findProjectFiles } from '../../src/config/project-files.js';
import { refusalOf, temporaryFolder } from './documents.js';

const repository = async (...folders: string[]): Promise<string> => {
  const top = await temporaryFolder();
  for (const folder of ['.git', ...folders]) await mkdir(join(top, folder), { recursive: true });
  return top;
};

test('findProjectFiles: expects .promptos at the top of the repository, from deep inside', async () => {
  const top = await repository('a/b');
  expect(await findProjectFiles(join(top, 'a', 'b'))).toEqual({
    repository: top,
    home: join(top, '.promptos'),
    policy: join(top, '.promptos', 'policy.yaml'),
    workerConfig: join(top, '.promptos', 'worker.yaml'),
    state: join(top, '.promptos', 'state'),
    artifacts: join(top, '.promptos', 'state', 'artifacts'),
  });
});

test('findProjectFiles: the nearest .promptos wins', async () => {
  const top = await repository('.promptos', 'a/.promptos', 'a/b');
  expect((await findProjectFiles(join(top, 'a', 'b'))).home).toBe(join(top, 'a', '.promptos'));
  expect((await findProjectFiles(top)).home).toBe(join(top, '.promptos'));
});

test('findProjectFiles: never looks above the top of the repository', async () => {
  const outer = await repository('.promptos', 'inner/.git', 'inner/src');
  expect((await findProjectFiles(join(outer, 'inner', 'src'))).home).toBe(join(outer, 'inner', '.promptos'));
});

test('findProjectFiles: a .git file counts, as linked worktrees have it', async () => {
  const top = await temporaryFolder();
  await mkdir(join(top, 'src'));
  await writeFile(join(top, '.git'), 'gitdir: /elsewhere\n');
  expect((await findProjectFiles(join(top, 'src'))).repository).toBe(top);
});

test('findProjectFiles: outside a repository only the folder itself counts', async () => {
  const top = await temporaryFolder();
  await mkdir(join(top, '.promptos'));
  await mkdir(join(top, 'a'));
  expect(await findProjectFiles(join(top, 'a'))).toMatchObject({ repository: null, home: join(top, 'a', '.promptos') });
});

test('findProjectFiles: PROMPTOS_HOME overrides, relative to the folder', async () => {
  const top = await repository('.promptos');
  expect((await findProjectFiles(top, '/else/where')).policy).toBe('/else/where/policy.yaml');
  expect((await findProjectFiles(top, 'conf')).home).toBe(join(top, 'conf'));
});

test('ensureStateFolder: for its owner only, ignored by git, and left alone the second time', async () => {
  const files = await findProjectFiles(await repository());
  expect(await ensureStateFolder(files)).toBe(files.state);
  expect((await stat(files.state)).mode & 0o777).toBe(0o700);
  expect((await stat(files.home)).mode & 0o500).toBe(0o500);
  expect(await readFile(join(files.state, '.gitignore'), 'utf8')).toBe('*\n');
  await chmod(files.state, 0o750);
  await ensureStateFolder(files);
  expect((await stat(files.state)).mode & 0o777).toBe(0o750);
});

test('ensureStateFolder: STORE_NOT_WRITABLE, when a file is in the way', async () => {
  const top = await repository();
  await writeFile(join(top, '.promptos'), '');
  expect(await refusalOf(ensureStateFolder(await findProjectFiles(top)))).toMatchObject({
    code: 'STORE_NOT_WRITABLE',
    exitCode: 3,
  });
});
