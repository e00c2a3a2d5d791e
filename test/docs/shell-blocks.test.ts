import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openPrivateKey, publicHalf } from '../../src/adapters/keys/file-signer.js';
import { generatePrivateKey } from '../../src/adapters/keys/key-files.js';
import { fencedBlocks } from '../../src/contracts/answers/fenced-blocks.js';
import { PROMPTOS } from '../support/built-package.js';

/*
 * The shell blocks of pages that are no story of their own, each run as it is printed.
 */

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const VECTORS = fileURLToPath(new URL('../vectors/', import.meta.url));

/** The one shell block of a page. */
function shellBlock(page: string): string {
  const [block, ...others] = fencedBlocks(readFileSync(join(DOCS, page), 'utf8')).filter(
    ({ language }) => language === 'sh',
  );
  if (block === undefined || others.length > 0) throw new Error(`${page} has ${others.length} more shell blocks`);
  return block.text;
}

const has = (...command: readonly [string, ...string[]]): boolean =>
  spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-blocks-'));
  const place = folder;
  onTestFinished(() => rm(place, { recursive: true, force: true }));
});

function run(script: string, cwd: string, env: Readonly<Record<string, string>> = {}) {
  const path = [join(PROMPTOS, '..'), dirname(process.execPath), process.env.PATH].join(delimiter);
  return spawnSync('bash', ['-ec', script], { cwd, env: { PATH: path, HOME: folder, ...env }, encoding: 'utf8' });
}

test('docs/executors.md: the script does its work and leaves an answer', async () => {
  await writeFile(join(folder, 'sum.js'), 'exports.sum = (a, b) => a - b;\n');
  expect(run(shellBlock('executors.md'), folder, { PROMPTOS_SCRATCH: folder })).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(await readFile(join(folder, 'sum.js'), 'utf8')).toContain('a + b');
  expect(JSON.parse(await readFile(join(folder, 'answer.json'), 'utf8'))).toMatchObject({ kind: 'output' });
});

test.skipIf(!has('openssl', 'version'))('docs/keys.md: openssl gives a key another passphrase', async () => {
  const { pem } = generatePrivateKey('old words');
  await writeFile(join(folder, 'grace.pem'), pem, { mode: 0o600 });
  await writeFile(join(folder, 'words'), 'old words\nnew words\n');
  const asked = shellBlock('keys.md').replace('-topk8', '-topk8 -passin file:words -passout pass:new');
  expect(run(asked, folder)).toMatchObject({ status: 0 });
  const changed = await readFile(join(folder, 'grace.pem'), 'utf8');
  const publicKey = async (text: string, words: string) =>
    publicHalf((await openPrivateKey(text, 'grace.pem', async () => words)).key);
  expect(await publicKey(changed, 'new')).toEqual(await publicKey(pem, 'old words'));
});

test.skipIf(!has('jq', '--version'))('docs/record.md: the commands read a published tree', () => {
  const { status, stdout } = run(shellBlock('record.md'), join(VECTORS, 'trees/straight'));
  expect(status).toBe(0);
  expect(stdout).toMatch(/^P00 \w+$/m);
  expect(stdout).toMatch(/Z runClosed$/m);
});

test('docs/repositories.md: a sparse clone with submodules is made ready', async () => {
  const git = (cwd: string, ...args: readonly string[]) => {
    const names = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'protocol.file.allow=always'];
    const { status, stderr } = spawnSync('git', [...names, ...args], { cwd, encoding: 'utf8' });
    expect({ args, status, stderr }).toMatchObject({ status: 0 });
  };
  const [library, origin, clone] = ['library', 'origin', 'clone'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const top of [library, origin]) {
    await mkdir(join(top, '.promptos'), { recursive: true });
    await writeFile(join(top, '.promptos/policy.yaml'), 'schema_version: 1\n');
    git(top, 'init', '-q', '-b', 'main');
    git(top, 'add', '.');
    git(top, 'commit', '-qm', 'one');
  }
  git(origin, 'submodule', '--quiet', 'add', library, 'library');
  git(origin, 'commit', '-qm', 'two');
  git(folder, 'clone', '-q', '--sparse', origin, clone);
  const allowed = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.file.allow', GIT_CONFIG_VALUE_0: 'always' };
  const [doctor = '', ...setUp] = shellBlock('repositories.md').trimEnd().split('\n').reverse();
  expect(run(setUp.reverse().join('\n'), clone, allowed)).toMatchObject({ status: 0 });
  expect(await readFile(join(clone, '.promptos/policy.yaml'), 'utf8')).toContain('schema_version');
  expect(await readFile(join(clone, 'library/.promptos/policy.yaml'), 'utf8')).toContain('schema_version');
  // The policy here is none: what is asked for is that the command looks at this clone.
  expect(run(doctor, clone).stdout).toContain(`repository ${clone}`);
});
