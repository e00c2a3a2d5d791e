import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROMPTOS } from '../../../support/built-package.js';

/*
 * `promptos verify` over trees that are made to exhaust it, as a process of its own, so that its memory can be measured.
 */

const VECTORS = fileURLToPath(new URL('../../../vectors/', import.meta.url));
const MIB = 1_048_576;
/** Has a process say at its end how much memory it took at the most, in MiB. */
const MEASURE = 'process.on("exit", () => console.error("peak:" + process.resourceUsage().maxRSS / 1024));';

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

let root: string;
const place = (name: string): string => join(root, 'runs', name);

/** What is done to a copy of a genuine tree, and the code that it fails with. */
const TREES: Readonly<Record<string, readonly [code: string, change: (tree: string) => void]>> = {
  'deep-record': ['JSON_TOO_LARGE', (tree) => writeFileSync(join(tree, 'run_record.json'), nested(1_000_000))],
  'empty-file': ['JSON_MALFORMED', (tree) => writeFileSync(join(tree, 'run_record.json'), '')],
  'many-lines': [
    'FILE_TOO_LARGE',
    (tree) => writeFileSync(join(tree, 'evidence/ledger.jsonl'), Buffer.alloc(500 * MIB, '\n')),
  ],
  'long-line': [
    'FILE_TOO_LARGE',
    (tree) => writeFileSync(join(tree, 'evidence/ledger.jsonl'), Buffer.alloc(200 * MIB, '[')),
  ],
  'sparse-extra': ['TREE_TOO_LARGE', (tree) => sparse(join(tree, 'zeros'), 20_000_000_000)],
  'sparse-plan': ['DIGEST_MISMATCH', (tree) => sparse(join(tree, 'plan.md'), 15_000_000_000)],
  'many-files': [
    'TREE_TOO_LARGE',
    (tree) => {
      mkdirSync(join(tree, 'many'));
      for (let index = 0; index < 25_000; index += 1) writeFileSync(join(tree, 'many', `${index}`), '');
    },
  ],
  'many-folders': [
    'TREE_TOO_LARGE',
    (tree) => {
      for (let index = 0; index < 25_000; index += 1) mkdirSync(join(tree, 'many', `${index}`), { recursive: true });
    },
  ],
  'deep-folders': ['TREE_TOO_LARGE', (tree) => mkdirSync(join(tree, 'a/'.repeat(200)), { recursive: true })],
  pipe: ['SPECIAL_FILE', (tree) => void execFileSync('mkfifo', [join(tree, 'evidence/pipe')])],
  loop: ['LINK_IN_TREE', (tree) => symlinkSync('..', join(tree, 'evidence/loop'))],
  'many-problems': ['JSON_TOO_LARGE', (tree) => problems(tree, 250_000)],
  'fewer-problems': ['SHAPE_INVALID', (tree) => problems(tree, 190_000)],
};

function sparse(path: string, bytes: number): void {
  appendFileSync(path, '');
  truncateSync(path, bytes);
}

/** A record whose list holds numbers: each is a problem of its own. */
function problems(tree: string, count: number): void {
  const list = Array.from({ length: count }, () => '    0').join(',\n');
  writeFileSync(join(tree, 'run_record.json'), `{\n  "artifacts": [\n${list}\n  ]\n}\n`);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'promptos-hostile-trees-'));
  for (const name of ['vector-straight', ...Object.keys(TREES)]) {
    cpSync(join(VECTORS, 'trees/straight'), place(name), { recursive: true });
    TREES[name]?.[1](place(name));
  }
  writeFileSync(place('no-folder'), 'x');
  writeFileSync(join(root, 'measure.mjs'), MEASURE);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function verify(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    PROMPTOS,
    ['verify', ...args, '--policy', join(VECTORS, 'policy.yaml'), '--json'],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: root, NODE_OPTIONS: `--import ${join(root, 'measure.mjs')}` },
      maxBuffer: 100 * MIB,
    },
  );
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return { status, stderr, last: JSON.parse(last), peak: Number(/peak:([\d.]+)/.exec(stderr)?.[1]) };
}

let usual: number;
test('verify: the genuine tree is verified', () => {
  const { status, peak } = verify(place('vector-straight'));
  expect(status).toBe(0);
  usual = peak;
});

test.each(Object.entries(TREES))('verify: %s is a failed check with a code, in bounded memory', (name, [code]) => {
  const { status, stderr, last, peak } = verify(place(name));
  expect({ status, code: last.code }).toEqual({ status: 1, code });
  expect(stderr).not.toMatch(/INTERNAL| at .*\.js:\d/);
  expect(peak - usual).toBeLessThan(200);
});

test('verify: a file that grows while it is read is a failed check', async () => {
  cpSync(join(VECTORS, 'trees/straight'), place('growing'), { recursive: true });
  const grower = spawn('sh', ['-c', `while :; do echo more; done >> '${place('growing')}/evidence/ledger.jsonl'`], {
    stdio: 'ignore',
  });
  const ended = once(grower, 'exit');
  try {
    const { status, last } = verify(place('growing'));
    expect(status).toBe(1);
    expect(['FILE_CHANGED', 'LEDGER_FORM', 'FILE_TOO_LARGE']).toContain(last.code);
  } finally {
    grower.kill('SIGKILL');
    await ended;
    rmSync(place('growing'), { recursive: true });
  }
});

test('verify --all: ends with a summary that names each tree, whatever they are', () => {
  const { status, last } = verify('--all', root);
  expect(status).toBe(1);
  const names = last.failed.map(({ run_id }: { readonly run_id: string }) => run_id).sort();
  expect(names).toEqual([...Object.keys(TREES), 'no-folder'].sort());
  expect(last).toMatchObject({ runs: names.length + 1, refused: names.length, verified: false });
  expect(last.failed).toContainEqual({ run_id: 'no-folder', code: 'FILE_NOT_READABLE' });
});
