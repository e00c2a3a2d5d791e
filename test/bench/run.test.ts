import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { Table } from '../../bench/figures.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

beforeAll(async () => {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'bench'], { cwd: ROOT });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const bench = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['bench/dist/bench/run.js', ...args], { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });

test('the bench: prints its help', async () => {
  const { code, stdout } = await bench('--help');
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'Usage: npm run bench -- [--only PART[,PART...]] [options]']);
});

test('the bench: refuses a bad argument in one line', async () => {
  expect(await bench('--only', 'fair', '--runs', 'many')).toEqual({
    code: 2,
    stdout: '',
    stderr: '--runs expects a whole number of 1 or more, received "many".\n',
  });
});

test('the bench: governed and fair runs beside each other, also when their workers are killed', async () => {
  const args = ['--only', 'fair,recovery', '--runs', '1', '--concurrency', '1,2', '--in-flight', '2', '--json'];
  const { code, stdout, stderr } = await bench(...args);
  // How fast this machine is must not matter here: 1 says that a goal was missed.
  expect([0, 1], stderr).toContain(code);
  const { tables } = JSON.parse(stdout) as { readonly tables: readonly Table[] };
  expect(tables.map(({ title }) => title)).toEqual([
    'Governed and fair runs, 1 at a time (1 of each)',
    'Governed and fair runs, 2 at a time (2 of each)',
    'The worker is killed with 2 runs in flight',
  ]);
  const value = (name: string, column: string) => tables[0]?.rows.find((row) => row.name === name)?.values[column];
  expect(value('runs/s', 'governed')).toBeGreaterThan(0);
  expect(value('runs/s', 'fair')).toBeGreaterThan(0);
  if (existsSync('/proc/self/stat')) {
    expect(value('worker: ms of processor time per run', 'governed')).toBeGreaterThan(0);
    expect(value('git, executors, checks: ms per run', 'fair')).toBeGreaterThan(0);
  }
  // The same acts through the same door; the governed run adds its markers.
  expect(value('Actions', 'fair')).toBe(14);
  expect(value('Actions', 'governed')).toBeGreaterThan(14);
}, 600_000);
