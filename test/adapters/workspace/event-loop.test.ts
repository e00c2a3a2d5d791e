import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { removeFolder } from '../../../src/adapters/platform/leftovers.js';
import { HUGE_FOLDER_BYTES, nextTurn } from '../../../src/adapters/platform/time-slices.js';
import { copyTree } from '../../../src/adapters/workspace/tree/copy-tree.js';
import { bytePath, knownTree, surveyTree, tracesOf } from '../../../src/adapters/workspace/tree/tree-survey.js';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, readdirSync: vi.fn(fs.readdirSync), readFileSync: vi.fn(fs.readFileSync) };
});

// A worker heartbeats and serves other runs while it copies, compares or removes a large tree.

const FOLDERS = 4;
const FILES = 100;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-turns-'));
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    await mkdir(join(root, 'tree', `${folder}`), { recursive: true });
    for (let file = 0; file < FILES; file += 1) await writeFile(join(root, 'tree', `${folder}`, `${file}`), `${file}`);
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** How often the event loop turns while some work is under way, when each file takes a millisecond. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  // What was done in this turn by the real clock does not count.
  await nextTurn();
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 1;
    return now;
  });
  let turns = 0;
  let pending = setImmediate(function turn() {
    turns += 1;
    pending = setImmediate(turn);
  });
  try {
    await work();
    return turns;
  } finally {
    clearImmediate(pending);
    clock.mockRestore();
  }
}

test('a tree of many files: the event loop turns while it is listed, compared, copied and removed', async () => {
  const [from, to] = [bytePath(join(root, 'tree')), bytePath(join(root, 'copy'))];
  const known = await knownTree(from);
  await mkdir(join(root, 'copy'));
  const turns = [
    await turnsOf(() => knownTree(from)),
    await turnsOf(() => surveyTree(from, known)),
    await turnsOf(() => copyTree(from, known, to)),
    await turnsOf(() => removeFolder(join(root, 'copy'))),
  ];
  // The limit is 8 ms a turn.
  for (const count of turns) expect(count).toBeGreaterThan((FOLDERS * FILES) / 16);
  expect(await readdir(root)).toEqual(['tree']);
});

test('a folder of very many files: is never listed at once', async ({ skip }) => {
  const top = join(root, 'huge');
  const folder = join(top, 'inside');
  await mkdir(folder, { recursive: true });
  for (let file = 0; file < 3_000; file += 1) await writeFile(join(folder, `${'long'.repeat(55)}${file}`), '');
  // Other file systems give less room to a name, and so take more of them.
  if (statSync(folder).size <= HUGE_FOLDER_BYTES) skip();
  vi.mocked(readdirSync).mockClear();
  expect((await knownTree(bytePath(top))).files.size).toBe(3_000);
  expect((await surveyTree(bytePath(top), { files: new Map(), folders: new Map() })).others).toBe(true);
  const rules = { skips: () => false, leadsElsewhere: () => false, leftOut: '' };
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  expect(await tracesOf([bytePath(folder)], rules)).toEqual({ text: null, tooMany: true });
  clock.mockRestore();
  await removeFolder(top);
  expect(await readdir(root)).toEqual(['tree']);
  expect(vi.mocked(readdirSync).mock.calls.filter(([listed]) => String(listed).endsWith('inside'))).toEqual([]);
});

test('copy: of a small file that became a large one since, no more than it had is read', async () => {
  const [from, to] = [join(root, 'from'), join(root, 'to')];
  await mkdir(from);
  await mkdir(to);
  await writeFile(join(from, 'file'), 'small');
  const known = await knownTree(bytePath(from));
  truncateSync(join(from, 'file'), 64 * 1_024 * 1_024);
  vi.mocked(readFileSync).mockClear();
  expect(await copyTree(bytePath(from), known, bytePath(to))).toBeNull();
  expect(readFileSync).not.toHaveBeenCalled();
});
