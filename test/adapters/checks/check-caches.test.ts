import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CACHE_KINDS, createCheckCaches } from '../../../src/adapters/checks/check-caches.js';
import { KEPT_LIMITS, type KeptLimits } from '../../../src/adapters/platform/kept-folders.js';
import { checkSchema } from '../../../src/contracts/policy/policy-checks.js';
import type { CheckCacheUse } from '../../../src/ports/gate-executor.js';

let root: string;
let checks = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-caches-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const BASE: CheckCacheUse = { repository: 'shop', policy_sha256: 'a'.repeat(64), keep: true };
const PATCHED = { ...BASE, keep: false };

function checkout(files: Readonly<Record<string, string>>): string {
  checks += 1;
  const directory = join(root, `checkout-${checks}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const kept = () => join(root, 'state', 'check-caches');

/** One check of a tree: sees the files of its npm cache, then adds some. */
async function check(
  use: CheckCacheUse,
  adds: Readonly<Record<string, string>> = {},
  { lock = 'one', limits = KEPT_LIMITS }: { readonly lock?: string; readonly limits?: KeptLimits } = {},
): Promise<readonly string[]> {
  const directory = checkout({ 'package-lock.json': lock });
  const opened = await createCheckCaches(kept(), limits).open(directory, join(directory, '..', `c${checks}`), use);
  const cache = opened.env.npm_config_cache ?? '';
  const seen = readdirSync(cache).sort();
  for (const [name, text] of Object.entries(adds)) writeFileSync(join(cache, name), text);
  await opened.keep();
  return seen;
}

describe('check caches', () => {
  test('what a check of committed code downloads is there for the next check of the same lock file', async () => {
    expect(await check(BASE, { left: '1' })).toEqual([]);
    expect(await check(BASE, { more: '2' })).toEqual(['left']);
    expect(await check(PATCHED)).toEqual(['left', 'more']);
  });

  test('what a check of a patched tree leaves is never there for another', async () => {
    await check(BASE, { left: 'good' });
    expect(await check(PATCHED, { poison: 'x', left: 'evil' })).toEqual(['left']);
    expect(await check(BASE)).toEqual(['left']);
    const [key = ''] = readdirSync(kept());
    expect(readFileSync(join(kept(), key, 'files', 'left'), 'utf8')).toBe('good');
  });

  test.each([
    ['lock file', BASE, 'two'],
    ['policy', { ...BASE, policy_sha256: 'b'.repeat(64) }, 'one'],
    ['repository', { ...BASE, repository: 'books' }, 'one'],
  ])('another %s has a cache of its own', async (_name, use, lock) => {
    await check(BASE, { left: '1' });
    expect(await check(use, {}, { lock })).toEqual([]);
  });

  test('the lock files of the whole tree count, and a linked one does not', async () => {
    const caches = createCheckCaches(kept());
    const open = (files: Readonly<Record<string, string>>) => {
      const directory = checkout(files);
      return caches.open(directory, `${directory}.caches`, BASE);
    };
    const first = await open({ 'a/Cargo.lock': '1', 'b/Cargo.lock': '2', '.git/Cargo.lock': '3' });
    writeFileSync(join(first.env.CARGO_HOME ?? '', 'left'), '');
    await first.keep();
    const left = async (files: Readonly<Record<string, string>>) =>
      readdirSync((await open(files)).env.CARGO_HOME ?? '').length;
    expect(await left({ 'a/Cargo.lock': '1', 'b/Cargo.lock': '2' })).toBe(1);
    expect(await left({ 'a/Cargo.lock': '1', 'b/Cargo.lock': '2b' })).toBe(0);
    expect((await open({ 'README.md': '' })).env).toEqual({});
  });

  test('checks that use and keep one cache at the same time each have the whole of it or nothing', async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`file-${index}`, 'x'.repeat(2_000)]));
    await check(BASE, many);
    const seen = await Promise.all(
      Array.from({ length: 12 }, (_, index) => check(index % 2 === 0 ? BASE : PATCHED, { [`own-${index}`]: '' })),
    );
    for (const files of seen) expect([0, 60, 61, 62, 63, 64, 65, 66]).toContain(files.length);
    expect((await check(PATCHED)).length).toBeGreaterThanOrEqual(60);
    expect(readdirSync(kept())).toHaveLength(1);
  });

  test('a cache that is larger than the bounds is not kept', async () => {
    const limits = { ...KEPT_LIMITS, folderBytes: 10 };
    await check(BASE, { large: 'x'.repeat(11) }, { limits });
    expect(await check(BASE, {}, { limits })).toEqual([]);
    await check(BASE, { a: '', b: '', c: '' }, { limits: { ...KEPT_LIMITS, folderFiles: 3 } });
    expect(await check(BASE)).toEqual([]);
    expect(readdirSync(kept()).filter((name) => name.startsWith('work-'))).toEqual([]);
  });

  test('caches that were not used for the longest time go first', async () => {
    const limits = { ...KEPT_LIMITS, totalBytes: 2_500 };
    const use = (lock: string) => check(BASE, { left: 'x'.repeat(1_000) }, { lock, limits });
    await use('one');
    await use('two');
    for (const name of readdirSync(kept())) utimesSync(join(kept(), name), new Date(0), new Date(0));
    // Used again, and so newer than the other.
    expect(await check(PATCHED, {}, { lock: 'one', limits })).toEqual(['left']);
    await use('three');
    expect(readdirSync(kept())).toHaveLength(2);
    expect(await check(PATCHED, {}, { lock: 'one', limits })).toEqual(['left']);
    expect(await check(PATCHED, {}, { lock: 'two', limits })).toEqual([]);
  });

  test('a cache that is not used any more goes', async () => {
    await check(BASE, { left: '1' }, { lock: 'old' });
    for (const name of readdirSync(kept())) utimesSync(join(kept(), name), new Date(0), new Date(0));
    await check(BASE, { left: '1' }, { lock: 'new' });
    expect(readdirSync(kept())).toHaveLength(1);
    expect(await check(PATCHED, {}, { lock: 'old' })).toEqual([]);
  });

  test('a folder that others may write to is not used', async () => {
    await check(BASE, { left: '1' });
    chmodSync(kept(), 0o770);
    expect(await check(PATCHED)).toEqual([]);
    await check(BASE, { more: '1' });
    chmodSync(kept(), 0o700);
    expect(await check(PATCHED)).toEqual(['left']);
  });

  test('a cache of which a part is missing is not used: another process removes it meanwhile, for instance', async () => {
    await check(BASE, { index: '1', package: '2' });
    const [key = ''] = readdirSync(kept());
    rmSync(join(kept(), key, 'files', 'package'));
    expect(await check(BASE, { index: '1', package: '2' })).toEqual([]);
    expect(await check(PATCHED)).toEqual(['index', 'package']);
  });

  test('what a Maven project itself installed is not kept: a patch is not tested with modules of the base commit', async () => {
    const directory = checkout({ 'pom.xml': '' });
    const caches = createCheckCaches(kept());
    const repository = ({ env }: { readonly env: Readonly<Record<string, string>> }) =>
      (env.MAVEN_OPTS ?? '').replace('-Dmaven.repo.local=', '');
    const first = await caches.open(directory, `${directory}.1`, BASE);
    for (const [path, text] of [
      ['org/left/left/1.0/left-1.0.jar', 'downloaded'],
      ['org/shop/app/1.0/app-1.0.jar', 'built from the base commit'],
      ['org/shop/app/maven-metadata-local.xml', ''],
    ] as const) {
      mkdirSync(dirname(join(repository(first), path)), { recursive: true });
      writeFileSync(join(repository(first), path), text);
    }
    await first.keep();
    const found = repository(await caches.open(directory, `${directory}.2`, PATCHED));
    expect(existsSync(join(found, 'org/left/left/1.0/left-1.0.jar'))).toBe(true);
    expect(readdirSync(join(found, 'org/shop'))).toEqual([]);
  });

  test('links are kept as links, devices and virtual environments are not kept', async () => {
    const directory = checkout({ 'poetry.lock': '' });
    const caches = createCheckCaches(kept());
    const first = await caches.open(directory, `${directory}.1`, BASE);
    const poetry = first.env.POETRY_CACHE_DIR ?? '';
    mkdirSync(join(poetry, 'virtualenvs', 'shop'), { recursive: true });
    mkdirSync(join(poetry, 'artifacts'));
    symlinkSync('/nowhere', join(poetry, 'artifacts', 'link'));
    execFileSync('mkfifo', [join(poetry, 'pipe')]);
    await first.keep();
    const second = await caches.open(directory, `${directory}.2`, PATCHED);
    const found = second.env.POETRY_CACHE_DIR ?? '';
    expect(readdirSync(found)).toEqual(['artifacts']);
    expect(readdirSync(join(found, 'artifacts'))).toEqual(['link']);
    expect(existsSync(join(found, 'artifacts', 'link'))).toBe(false);
  });
});

test('check caches: a policy cannot move a cache elsewhere, and may give Maven arguments', () => {
  const names = CACHE_KINDS.flatMap((kind) => Object.keys(kind.variables('/cache')));
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) {
    expect({ name, allowed: checkSchema.safeParse({ argv: ['npm', 'test'], env: { [name]: 'set' } }).success }).toEqual(
      {
        name,
        allowed: name.startsWith('MAVEN_'),
      },
    );
  }
});
