import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { openFolderTree } from '../../src/adapters/tree/folder-tree.js';
import { readPolicy } from '../../src/config/policy-file.js';
import { verifyTree } from '../../src/verify/verify-tree.js';
import type { Table } from '../figures.js';
import { note } from '../note.js';
import type { Options } from '../options.js';
import { PACKAGE_ROOT, PROMPTOS } from '../package-root.js';
import { makeLargeTree } from './large-tree.js';

/** Some artifacts of the tree grow to this many. */
const LARGE_FILES = 4;
/** A real run of the test vectors. */
const VECTORS = join(PACKAGE_ROOT, 'test', 'vectors');
const TREE = join(VECTORS, 'trees', 'straight');
const POLICY = join(VECTORS, 'policy.yaml');

async function seconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

/** One large tree: the time to verify it against that of `sha256sum` over the same bytes, and the memory that it takes. */
async function measureLarge(root: string, bytes: number) {
  note(`writing ${bytes} bytes in ${LARGE_FILES} files`);
  const large = join(root, 'large');
  const policy = await readPolicy(POLICY);
  const paths = await makeLargeTree(TREE, large, bytes, LARGE_FILES);
  const sum = () => execFileSync('sha256sum', paths, { stdio: ['ignore', 'ignore', 'inherit'] });
  const verify = async () => {
    for await (const _ of verifyTree(await openFolderTree(large), { policies: [policy] }));
  };
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  // Once each for the page cache, then the better of two in turn: the machine may be busy with something else.
  sum();
  await verify();
  const sums: number[] = [];
  const verifies: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    sums.push(await seconds(sum));
    verifies.push(await seconds(verify));
  }
  clearInterval(watch);
  await rm(large, { recursive: true });
  const [sha256sum, verified] = [Math.min(...sums), Math.min(...verifies)];
  const gigabytes = bytes / 1e9;
  return {
    sha256sum_gb_per_second: gigabytes / sha256sum,
    verify_gb_per_second: gigabytes / verified,
    ratio: sha256sum / verified,
    memory_growth_mib: (peak - before) / 2 ** 20,
  };
}

/** Many small trees through the command, as a nightly job would. */
async function measureStore(root: string, count: number) {
  note(`writing ${count} small trees`);
  const store = join(root, 'store');
  // Copies of one run, under names of their own: each is refused as another's, and every check is done all the same.
  for (let index = 0; index < count; index += 1) {
    await cp(TREE, join(store, 'runs', `copy-${index}`), { recursive: true });
  }
  const args = ['verify', '--all', store, '--policy', POLICY, '--json'];
  let stdout = '';
  const took = await seconds(() => {
    try {
      stdout = execFileSync(PROMPTOS, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e9 });
    } catch (error) {
      stdout = (error as { stdout: string }).stdout;
    }
  });
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
  if (last.runs !== count) throw new Error(`expected ${count} runs, the command verified ${last.runs}`);
  return {
    runs_per_second: last.runs_per_second as number,
    seconds_with_start: took,
  };
}

const RATIO_GOAL = 0.8;

/** `promptos verify` beside `sha256sum` over the same bytes, and `promptos verify --all` over many small trees. */
export async function measureVerifier({ treeBytes, trees }: Options): Promise<readonly Table[]> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-bench-verify-'));
  try {
    const large = await measureLarge(root, treeBytes);
    const store = await measureStore(root, trees);
    const row = (name: string, value: number) => ({ name, values: { value } });
    return [
      {
        title: 'The verifier',
        columns: ['value'],
        rows: [
          row('`sha256sum`, files in the page cache: GB/s', large.sha256sum_gb_per_second),
          row('`promptos verify` over the same bytes: GB/s', large.verify_gb_per_second),
          { ...row('speed against `sha256sum`', large.ratio), goals: [{ of: ['value'], least: RATIO_GOAL }] },
          row('growth of memory meanwhile: MiB', large.memory_growth_mib),
          row(`\`verify --all\` over ${trees} trees: runs/s`, store.runs_per_second),
          row('the same with the start of the command: s', store.seconds_with_start),
        ],
      },
    ];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
