import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Row, Table } from '../figures.js';
import type { Options } from '../options.js';

/** Milliseconds until a program that was started has printed something, at the median. */
export interface BoxStarts {
  readonly boxed: number;
  /** Of the same program, started by the same launcher as it is. */
  readonly bare: number;
}

/** Milliseconds until a program works in its box. */
const MOST_MS = 15;
/** A user without an account or a privilege. */
const OTHER_USER = 65_534;
const CHILD = fileURLToPath(new URL('../box/child.js', import.meta.url));
const run = promisify(execFile);

async function measure(command: readonly string[], runs: number): Promise<BoxStarts> {
  const [program = '', ...args] = [...command, process.execPath, CHILD, String(runs)];
  const { stdout } = await run(program, args);
  return JSON.parse(stdout) as BoxStarts;
}

const rowOf = (name: string, { boxed, bare }: BoxStarts): Row => ({
  name,
  values: { 'ms in a box': boxed, 'ms without one': bare, 'ms more': boxed - bare },
  goals: [{ of: ['ms in a box'], most: MOST_MS }],
});

/** From the order to start a program until it works in its box, for a worker of root and of another user. */
export async function measureBox({ runs }: Options): Promise<readonly Table[]> {
  const isRoot = process.getuid?.() === 0;
  const rows = [rowOf(isRoot ? 'a worker of root' : 'a worker of this user', await measure([], runs))];
  if (isRoot) {
    const other = ['setpriv', `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, '--clear-groups'];
    rows.push(rowOf('a worker of another user', await measure(other, runs)));
  }
  return [{ title: 'Start of a box', columns: Object.keys(rows[0]?.values ?? {}), rows }];
}
