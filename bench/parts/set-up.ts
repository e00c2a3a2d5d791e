import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createLauncher } from '../../src/adapters/platform/launcher.js';
import type { Sandbox } from '../../src/adapters/platform/program-starter.js';
import { runProgram } from '../../src/adapters/platform/run-program.js';
import { openSandbox } from '../../src/adapters/sandbox/open-sandbox.js';
import { createGitWorkspace } from '../../src/adapters/workspace/git-workspace.js';
import { DEFAULT_SANDBOX } from '../../src/contracts/config/sandbox-config.js';
import type { Checkout, CheckoutSetup, Workspace } from '../../src/ports/workspace.js';
import { median, type Row, type Table } from '../figures.js';
import { createBenchRepository } from '../governed/repository.js';
import type { Options } from '../options.js';

/** What a set-up installs: packages of ten files, as a large node_modules has them. */
const INSTALLED = { packages: 3_000, filesOfEach: 10, bytes: 500_000_000 } as const;
const FILES = INSTALLED.packages * INSTALLED.filesOfEach;
/** Read by the program in the box, to show that what was installed is there. */
const LAST = `node_modules/package-${INSTALLED.packages - 1}/lib/${INSTALLED.filesOfEach - 1}.js`;
/** Milliseconds until a program works in a checkout whose set-up is kept. */
const MOST_MS = 1_000;

async function install(directory: string): Promise<void> {
  const content = Buffer.alloc(Math.ceil(INSTALLED.bytes / FILES), 'module.exports = 1; // as packages are\n');
  for (let number = 0; number < INSTALLED.packages; number += 1) {
    const folder = join(directory, `node_modules/package-${number}`);
    await mkdir(join(folder, 'lib'), { recursive: true });
    for (let file = 0; file < INSTALLED.filesOfEach; file += 1) {
      await writeFile(join(folder, `lib/${file}.js`), content);
    }
  }
}

/** Milliseconds of one checkout. */
interface Cost {
  readonly checkout: number;
  /** Until a program in the box of the checkout has read a file of the set-up. */
  readonly ready: number;
  /** From the end of the program until what it changed is known. */
  readonly difference: number;
  /** Of this process, over all of it. */
  readonly processor: number;
}

async function readInBox(sandbox: Sandbox, { directory, laidUnder }: Checkout): Promise<void> {
  const result = await runProgram(sandbox, {
    argv: ['/bin/sh', '-c', `wc -c <${LAST}`],
    env: { PATH: '/usr/bin:/bin' },
    cwd: directory,
    reach: { readable: [], writable: [], network: 'none', laidUnder },
    timeout_ms: 60_000,
    max_output_bytes: 1_000,
    max_stderr_bytes: 1_000,
    signal: new AbortController().signal,
  });
  const read = result.kind === 'ended' ? Number(new TextDecoder().decode(result.stdout)) : 0;
  if (read === 0) throw new Error(`the program in the box found no ${LAST}`);
}

const rowOf = (name: string, costs: readonly Cost[], most?: number): Row => ({
  name,
  values: {
    'ms until a program works': median(costs.map(({ ready }) => ready)),
    'ms of it for the checkout': median(costs.map(({ checkout }) => checkout)),
    'ms for the difference': median(costs.map(({ difference }) => difference)),
    "ms of the worker's processor time": median(costs.map(({ processor }) => processor)),
  },
  ...(most === undefined ? {} : { goals: [{ of: ['ms until a program works'], most }] }),
});

/** How long a gate waits for a checkout with what a set-up installed: first made, laid under it by the sandbox, and copied. */
export async function measureSetUp({ runs }: Options): Promise<readonly Table[]> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-bench-')));
  const repository = await createBenchRepository();
  const launcher = createLauncher(process.env.PATH);
  try {
    const [temporaryDir, stateDir] = [join(root, 'tmp'), join(root, 'state')];
    await mkdir(temporaryDir);
    const laidUnder = { kept: stateDir, checkouts: temporaryDir };
    const common = { programs: launcher, path: process.env.PATH, secret: [stateDir], laidUnder };
    const sandbox = await openSandbox(DEFAULT_SANDBOX, common);
    const laysUnder = sandbox.laysUnder?.ok === true;
    const worker = (): Workspace =>
      createGitWorkspace({
        repositories: { shop: { path: repository.folder } },
        ...{ stateDir, temporaryDir, env: process.env },
      });
    const setup: CheckoutSetup = { key: 'install', isKeyFile: (path) => path === 'check.sh', make: install };
    const gate = async (workspace: Workspace, showsLaidUnder: boolean): Promise<Cost> => {
      const [started, before] = [performance.now(), process.cpuUsage()];
      const order = { repository: 'shop', commit: repository.commits.small, setup, showsLaidUnder };
      const checkout = await workspace.checkout(order);
      const made = performance.now();
      await readInBox(sandbox, checkout);
      const ready = performance.now();
      await checkout.diff();
      const ended = performance.now();
      const { user, system } = process.cpuUsage(before);
      await checkout.discard();
      return {
        ...{ checkout: made - started, ready: ready - started, difference: ended - ready },
        processor: (user + system) / 1_000,
      };
    };
    const rounds = async (work: () => Promise<Cost>): Promise<readonly Cost[]> => {
      const costs: Cost[] = [];
      for (let round = 0; round < runs; round += 1) costs.push(await work());
      return costs;
    };
    const first = worker();
    const rows = [rowOf('first made', [await gate(first, laysUnder)])];
    if (laysUnder) {
      rows.push(
        rowOf('kept, laid under it', await rounds(() => gate(first, true)), MOST_MS),
        rowOf('kept, laid under it, first of a worker', await rounds(() => gate(worker(), true))),
      );
    }
    rows.push(rowOf('kept, copied', await rounds(() => gate(first, false))));
    const title = `A checkout with a set-up of ${FILES.toLocaleString('en')} files and ${INSTALLED.bytes.toLocaleString('en')} bytes`;
    const columns = Object.keys(rows[0]?.values ?? {});
    return [{ title: laysUnder ? title : `${title} (this sandbox lays nothing under)`, columns, rows }];
  } finally {
    await launcher.close();
    // A copy for the next gate may still be made.
    await rm(root, { recursive: true, force: true, maxRetries: 60 });
    await repository.remove();
  }
}
