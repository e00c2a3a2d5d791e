import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROMPTOS } from '../support/built-package.js';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'promptos-compiled-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, [PROMPTOS, ...args], {
    cwd: cache,
    env: { PATH: process.env.PATH ?? '', HOME: cache, PROMPTOS_CACHE_DIR: cache, ...more },
    encoding: 'utf8',
  });
const version = (more?: Readonly<Record<string, string>>) => run(['version', '--json'], more);
const WORKS = {
  status: 0,
  stderr: expect.stringMatching(/^promptos {2}/),
  stdout: expect.stringMatching(/^\{"promptos":/),
};

const compiled = async (): Promise<string> => {
  const [only = ''] = await readdir(join(cache, 'compiled'));
  return join(cache, 'compiled', only);
};
const timesOf = async (): Promise<Readonly<Record<string, number>>> => {
  const folder = await compiled();
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).mtimeMs])),
  );
};

test('compiled code: kept by the first process, used by the next, written again with a new part', async () => {
  expect(version()).toMatchObject(WORKS);
  const first = await timesOf();
  expect(Object.keys(first)).toContain('main.cjs');
  expect(version()).toMatchObject(WORKS);
  expect(await timesOf()).toEqual(first);
  expect(run(['completion', 'bash']).status).toBe(0);
  const third = await timesOf();
  expect(Object.keys(third).length).toBeGreaterThan(Object.keys(first).length);
  expect(third['main.cjs']).not.toBe(first['main.cjs']);
});

test('compiled code: what the bundle leaves out is imported, also by code that was compiled before', async () => {
  await mkdir(join(cache, '.promptos'));
  const store = `{ kind: s3, bucket: shop, prefix: promptos, endpoint: 'http://127.0.0.1:1' }`;
  const config = `schema_version: 1\ntrust: { policies: [policy.yaml] }\nstore: ${store}\n`;
  await writeFile(join(cache, '.promptos/worker.yaml'), config);
  spawnSync('git', ['init', '--quiet'], { cwd: cache });
  const keys = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' };
  for (const _ of ['first', 'with compiled code']) {
    expect(run(['trace', '20260101-shop'], keys).stderr).toContain('error STORE_NOT_READABLE');
  }
});

test('compiled code: what V8 refuses is compiled again and replaced', async () => {
  version();
  const main = join(await compiled(), 'main.cjs');
  await writeFile(main, 'not compiled code');
  expect(version()).toMatchObject(WORKS);
  expect((await stat(main)).size).toBeGreaterThan(1_000);
});

/** V8 looks at the header only: what is damaged behind it would end the process with a signal. */
test.each<[string, (code: Buffer) => Buffer]>([
  ['with zeros in its middle', (code) => Buffer.from(code).fill(0, 4_096, 8_192)],
  ['with zeros at its end', (code) => Buffer.from(code).fill(0, code.length >> 1)],
  ['with other bytes in it', (code) => Buffer.from(code).fill(0xff, 9_000, 9_064)],
  ['that is cut short', (code) => code.subarray(0, code.length >> 1)],
  ['with nothing in it', () => Buffer.alloc(0)],
])('compiled code: a file %s is compiled again and replaced', async (_, damage) => {
  version();
  const main = join(await compiled(), 'main.cjs');
  const whole = await readFile(main);
  await writeFile(main, damage(whole));
  expect(version()).toMatchObject(WORKS);
  expect((await stat(main)).size).toBe(whole.length);
  expect(version()).toMatchObject(WORKS);
});

test('compiled code: not used below a folder in which others can put another in its place', async () => {
  const open = join(cache, 'open');
  await mkdir(open);
  const env = { PROMPTOS_CACHE_DIR: join(open, 'promptos') };
  // As in /tmp, where nobody moves what is another's.
  await chmod(open, 0o1777);
  expect(version(env)).toMatchObject(WORKS);
  expect((await readdir(join(open, 'promptos/compiled'))).length).toBe(1);
  await rm(join(open, 'promptos'), { recursive: true });
  await chmod(open, 0o777);
  expect(version(env)).toMatchObject(WORKS);
  expect(await readdir(join(open, 'promptos/compiled'))).toEqual([]);
});

test('compiled code: in folders of this user alone, whatever the umask', async () => {
  const line = `umask 0; exec "$0" "$@"`;
  const env = { PATH: process.env.PATH ?? '', HOME: cache, PROMPTOS_CACHE_DIR: cache };
  const called = spawnSync('sh', ['-c', line, process.execPath, PROMPTOS, 'version', '--json'], {
    env,
    encoding: 'utf8',
  });
  expect(called).toMatchObject(WORKS);
  expect((await stat(join(cache, 'compiled'))).mode & 0o777).toBe(0o700);
  expect((await stat(await compiled())).mode & 0o777).toBe(0o700);
});

test('compiled code: a folder that others may write in is not used', async () => {
  await mkdir(join(cache, 'compiled'));
  await chmod(join(cache, 'compiled'), 0o777);
  expect(version()).toMatchObject(WORKS);
  expect(await readdir(join(cache, 'compiled'))).toEqual([]);
});

test.each([
  ['its place is a file', { PROMPTOS_CACHE_DIR: '/dev/null' }],
  ['NODE_DISABLE_COMPILE_CACHE is set', { NODE_DISABLE_COMPILE_CACHE: '1' }],
])('compiled code: nothing is kept when %s, and the command works', async (_, env) => {
  expect(version(env)).toMatchObject(WORKS);
  expect(await readdir(cache)).toEqual([]);
});

test('compiled code: a home folder that is not there is not made, and the command works', async () => {
  const home = join(cache, 'no-such-home');
  const env = { PATH: process.env.PATH ?? '', HOME: home };
  const called = spawnSync(process.execPath, [PROMPTOS, 'version', '--json'], { cwd: cache, env, encoding: 'utf8' });
  expect(called).toMatchObject(WORKS);
  expect(await readdir(cache)).toEqual([]);
});

test.runIf(process.platform === 'linux')(
  'compiled code: a folder in which the system makes none holds nothing up',
  () => {
    const env = { PATH: process.env.PATH ?? '', HOME: '/proc' };
    const called = spawnSync(process.execPath, [PROMPTOS, 'version', '--json'], {
      env,
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(called).toMatchObject({ ...WORKS, signal: null });
  },
);

test('compiled code: of at most four builds', async () => {
  for (const old of ['a', 'b', 'c', 'd', 'e']) await mkdir(join(cache, 'compiled', old), { recursive: true });
  await chmod(join(cache, 'compiled'), 0o700);
  expect(version()).toMatchObject(WORKS);
  expect((await readdir(join(cache, 'compiled'))).length).toBe(4);
  expect((await readdir(join(cache, 'compiled'))).some((name) => name.endsWith(process.arch))).toBe(true);
});

test('a build that was not finished: said in one sentence', async () => {
  await mkdir(join(cache, 'dist/commands'), { recursive: true });
  await writeFile(join(cache, 'dist/commands/main.cjs'), "require('./part.cjs');");
  await cp(PROMPTOS, join(cache, 'bin/promptos'));
  await writeFile(join(cache, 'package.json'), '{"type":"module"}');
  const called = spawnSync(process.execPath, [join(cache, 'bin/promptos'), 'version'], { encoding: 'utf8' });
  expect(called).toMatchObject({
    status: 3,
    stderr: 'promptos is not built yet: run `npm run build` in its folder.\n',
  });
});
