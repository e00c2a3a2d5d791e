import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createGitWorkspace } from '../../src/adapters/workspace/git-workspace.js';
import type { Checkout } from '../../src/ports/workspace.js';
import { median, type Row, type Table } from '../figures.js';
import { createBenchRepository, FILLER_FOLDER } from '../governed/repository.js';
import type { Options } from '../options.js';

/** What a gate waits for, in milliseconds; processor time includes what is done in the background meanwhile. */
interface Cost {
  readonly ms: number;
  readonly cpu_ms: number;
  readonly git: number;
}

/** Milliseconds that a gate may wait for its own checkout. */
const GOALS = { cold: 15_000, warm: 2_000 } as const;

/** Milliseconds of ended children: fields 16 and 17 of proc_pid_stat(5), in hundredths of a second. */
async function childrenCpu(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'latin1').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[13] ?? 0) + Number(fields[14] ?? 0));
}

async function cpuSoFar(): Promise<number> {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000 + (await childrenCpu());
}

/** A `git` before the real one on PATH, which writes a line for each process. */
async function countingGit(folder: string, log: string): Promise<string> {
  await mkdir(folder);
  const path = process.env.PATH ?? '';
  await writeFile(join(folder, 'git'), `#!/bin/sh\necho "$1" >>'${log}'\nPATH='${path}' exec git "$@"\n`);
  await chmod(join(folder, 'git'), 0o755);
  return `${folder}:${path}`;
}

async function editOneFile(directory: string): Promise<void> {
  const [folder = ''] = await readdir(join(directory, FILLER_FOLDER));
  const [file = ''] = await readdir(join(directory, FILLER_FOLDER, folder));
  await appendFile(join(directory, FILLER_FOLDER, folder, file), 'changed\n');
}

const middle = (costs: readonly Cost[], of: (cost: Cost) => number): number | null => median(costs.map(of));

function rowOf(name: string, costs: readonly Cost[], most?: number): Row {
  return {
    name,
    values: {
      ms: middle(costs, ({ ms }) => ms),
      'ms of processor time': middle(costs, ({ cpu_ms }) => cpu_ms),
      'git processes': middle(costs, ({ git }) => git),
    },
    ...(most === undefined ? {} : { goals: [{ of: ['ms'], most }] }),
  };
}

/**
 * What a gate waits for its checkout in a repository of many files: making it, the difference after the gate, and its
 * removal. The pause takes the place of an executor, during which the copy for the next gate is made.
 */
export async function measureCheckouts({ files, bytes, runs, pause }: Options): Promise<readonly Table[]> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-bench-')));
  const repository = await createBenchRepository({ filler: { files, bytes } });
  const log = join(root, 'git.log');
  const measure = async (work: () => Promise<unknown>): Promise<Cost> => {
    await rm(log, { force: true });
    const [started, before] = [performance.now(), await cpuSoFar()];
    await work();
    const [ms, cpu_ms] = [performance.now() - started, (await cpuSoFar()) - before];
    const lines = await readFile(log, 'utf8').catch(() => '');
    return { ms, cpu_ms, git: lines.split('\n').length - 1 };
  };
  try {
    const temporaryDir = join(root, 'tmp');
    await mkdir(temporaryDir);
    const workspace = createGitWorkspace({
      repositories: { shop: { path: repository.folder } },
      stateDir: join(root, 'state'),
      temporaryDir,
      env: { PATH: await countingGit(join(root, 'bin'), log) },
    });
    const commit = repository.commits.small;
    const gate = async (edit: (directory: string) => Promise<void> = async () => undefined): Promise<Cost> => {
      let checkout: Checkout | undefined;
      const made = await measure(async () => {
        checkout = await workspace.checkout({ repository: 'shop', commit });
      });
      await edit(checkout?.directory ?? '');
      const ended = await measure(async () => {
        await checkout?.diff();
        await checkout?.discard();
      });
      return { ms: made.ms + ended.ms, cpu_ms: made.cpu_ms + ended.cpu_ms, git: made.git + ended.git };
    };
    const rounds = async (work: () => Promise<Cost>, wait: number): Promise<readonly Cost[]> => {
      const costs: Cost[] = [];
      for (let round = 0; round < runs; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        costs.push(await work());
      }
      return costs;
    };
    // A patch that does not apply still has the mirror fetched.
    const mirror = await measure(() => workspace.checkPatch('shop', commit, Buffer.from('no patch\n')));
    const cold = await gate();
    const rows = [
      rowOf('mirror, once for each base commit', [mirror]),
      rowOf('cold gate', [cold], GOALS.cold),
      rowOf('gate right after another', await rounds(() => gate(), 0)),
      rowOf('gate after a pause', await rounds(() => gate(), pause), GOALS.warm),
      rowOf('gate after a pause, one file edited', await rounds(() => gate(editOneFile), pause), GOALS.warm),
      rowOf("snapshot of the user's repository", await rounds(() => measure(() => workspace.snapshot('shop')), 0)),
    ];
    const title = `Checkouts of ${files.toLocaleString('en')} files and ${bytes.toLocaleString('en')} bytes`;
    return [{ title, columns: ['ms', 'ms of processor time', 'git processes'], rows }];
  } finally {
    // The copy for the next gate may still be made.
    await rm(root, { recursive: true, force: true, maxRetries: 60 });
    await repository.remove();
  }
}
