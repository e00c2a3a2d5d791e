import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROMPTOS } from '../support/built-package.js';

/*
 * What a fresh process of the built program has loaded when it ends. No time is measured: a package that is loaded before
 * it is needed is what makes a command slow.
 */

/** Writes down each module that is imported. It runs in the thread of the hooks. */
const HOOKS = `
import { appendFileSync } from 'node:fs';
let file;
export const initialize = (data) => { file = data; };
export async function load(url, context, next) {
  appendFileSync(file, url + '\\n');
  return next(url, context);
}`;
/** Installs the hooks, and writes down what was required when the process ends. */
const PRELOAD = `
import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
register('./hooks.mjs', import.meta.url, { data: process.env.LOADED });
const { cache } = createRequire(import.meta.url);
process.on('exit', () => appendFileSync(process.env.LOADED, Object.keys(cache).join('\\n')));`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-loaded-'));
  await writeFile(join(folder, 'hooks.mjs'), HOOKS);
  await writeFile(join(folder, 'preload.mjs'), PRELOAD);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The bundled modules of a line: each part of the bundle that was loaded has its compiled code kept. */
async function bundled(cache: string): Promise<string> {
  const compiled = await readdir(join(cache, 'compiled'), { recursive: true }).catch(() => []);
  const parts = compiled.filter((name) => name.endsWith('.cjs')).map((name) => basename(name));
  const texts = parts.map((name) => readFile(join(dirname(PROMPTOS), '../dist/commands', name), 'utf8'));
  return (await Promise.all(texts))
    .flatMap((text) => text.match(/^\/\/ (?:dist|node_modules)\/.+$/gm) ?? [])
    .join('\n');
}

interface Loaded {
  readonly packages: readonly string[];
  /** Files of ours below `dist`. */
  readonly own: readonly string[];
  /** Whether they were loaded from the bundle. */
  readonly fromBundle: boolean;
}

/** What a line loads. */
async function loaded(...args: readonly string[]): Promise<Loaded> {
  const file = join(folder, args.join('_').replaceAll('/', '_'));
  const cache = await mkdtemp(join(folder, 'cache-'));
  const env = { PATH: process.env.PATH ?? '', HOME: folder, LOADED: file, PROMPTOS_CACHE_DIR: cache };
  const preload = pathToFileURL(join(folder, 'preload.mjs')).href;
  spawnSync(process.execPath, ['--import', preload, PROMPTOS, ...args], { cwd: folder, env });
  const modules = await bundled(cache);
  const text = `${await readFile(file, 'utf8')}\n${modules}`;
  const found = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort();
  return {
    packages: found(/node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\/[^\n]*$/gm),
    fromBundle: modules !== '',
    own: found(/(?:\/| )dist\/((?!commands\/)[^\n]+)$/gm),
  };
}

/** The command line itself; reading our own files as JSON needs the second line. */
const PARSER = ['@commander-js/extra-typings', 'commander'];
const DIGESTS = ['@noble/hashes', 'canonicalize'];

test.each([
  [['--help']],
  [['--version']],
  [['trace', '--help']],
  [['mcp', '--help']],
  [['dev', '--nonsense']],
  [['help', 'keys', 'generate']],
  [['aprove']],
  [['completion', 'bash']],
  [['__complete', '--', 'run', '']],
  [['__complete', '--', 'approve', 'latest', '--gate', '']],
])('promptos %j: no package but that of the command line', async (args) => {
  const { packages } = await loaded(...args);
  expect(packages).toEqual(expect.arrayContaining(['commander']));
  expect(packages.filter((name) => ![...PARSER, ...DIGESTS].includes(name))).toEqual([]);
});

test('promptos --help: no family of commands', async () => {
  const { own } = await loaded('--help');
  expect(own).toContain('cli/program.js');
  expect(own.filter((path) => /^cli\/(?!app\/)\w+\//.test(path))).toEqual([]);
});

test('promptos trace --help: the definitions of its family, and nothing of what they do', async () => {
  const { own } = await loaded('trace', '--help');
  expect(own.filter((path) => /^(?:cli\/(?!app\/)\w+|adapters|verify|domain|config)\//.test(path))).toEqual([
    // With the next, where compiled code is kept.
    'adapters/platform/home-folder.js',
    'cli/audit/audit-commands.js',
    'config/user-folders.js',
  ]);
});

test('promptos version: neither schemas nor a parser of YAML', async () => {
  const { packages, own } = await loaded('version');
  expect(own).toContain('config/pack-folder.js');
  expect(packages.filter((name) => ['zod', 'yaml', '@temporalio/envconfig'].includes(name))).toEqual([]);
});

test('a line that hosts a worker: no part of the bundle, so that the SDK is there once', async () => {
  expect(await loaded('worker', '--help')).toMatchObject({
    fromBundle: false,
    own: expect.arrayContaining(['cli/main.js']),
  });
});

const WORKER = ['@temporalio/worker', '@temporalio/core-bridge', '@swc/core', 'webpack', '@aws-sdk/client-s3'];

test.each([[['version']], [['run', 'list']], [['run', 'status', 'run-1']], [['approve', 'run-1']]])(
  'promptos %j without a server: neither a worker, nor the client of Temporal, nor a bucket',
  async (args) => {
    const { packages } = await loaded(...args);
    const unneeded = [
      ...WORKER,
      '@modelcontextprotocol/sdk',
      '@temporalio/client',
      '@temporalio/proto',
      '@grpc/grpc-js',
      'execa',
      'tar',
    ];
    expect(packages.filter((name) => unneeded.includes(name))).toEqual([]);
  },
);
