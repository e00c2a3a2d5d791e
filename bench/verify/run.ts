import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { openFolderTree } from '../../src/adapters/tree/folder-tree.js';
import { readPolicy } from '../../src/config/policy-file.js';
import { verifyTree } from '../../src/verify/index.js';
import { PACKAGE_ROOT, PROMPTOS } from '../governed/package-root.js';
import { makeLargeTree } from './large-tree.js';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '2000000000' },
    files: { type: 'string', default: '4' },
    runs: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
  },
});
/** A real run of the test vectors. */
const VECTORS = join(PACKAGE_ROOT, 'test', 'vectors');
const TREE = join(VECTORS, 'trees', 'straight');
const POLICY = join(VECTORS, 'policy.yaml');

const note = (text: string) => process.stderr.write(`${text}\n`);

async function seconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

/** One large tree: the time to verify it against that of `sha256sum` over the same bytes, and the memory that it takes. */
async function measureLarge(root: string) {
  note(`writing ${values.bytes} bytes in ${values.files} files`);
  const large = join(root, 'large');
  const policy = await readPolicy(POLICY);
  const paths = await makeLargeTree(TREE, large, Number(values.bytes), Number(values.files));
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
  const gigabytes = Number(values.bytes) / 1e9;
  return {
    bytes: Number(values.bytes),
    sha256sum_gb_per_second: gigabytes / sha256sum,
    verify_gb_per_second: gigabytes / verified,
    ratio: sha256sum / verified,
    memory_growth_mib: (peak - before) / 2 ** 20,
  };
}

/** Many small trees through the command, as a nightly job would. */
async function measureStore(root: string) {
  const count = Number(values.runs);
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
    runs: count,
    files_per_run: (await readdir(TREE, { recursive: true })).length,
    runs_per_second: last.runs_per_second as number,
    seconds_with_start: took,
  };
}

const root = await mkdtemp(join(tmpdir(), 'promptos-bench-verify-'));
try {
  const large = await measureLarge(root);
  const store = await measureStore(root);
  const machine = { node: process.versions.node, cores: cpus().length };
  if (values.json) console.log(JSON.stringify({ ...machine, large, store }));
  else {
    const figure = (name: string, value: number, unit: string) =>
      console.log(`${name.padEnd(44)} ${value.toFixed(2).padStart(8)} ${unit}`);
    console.log(`Node.js ${machine.node}, ${machine.cores} cores\n`);
    figure('sha256sum, files in the page cache', large.sha256sum_gb_per_second, 'GB/s');
    figure('promptos verify over the same bytes', large.verify_gb_per_second, 'GB/s');
    figure('speed against sha256sum (goal ≥ 0.8)', large.ratio, '×');
    figure('growth of memory meanwhile', large.memory_growth_mib, 'MiB');
    figure(`verify --all over ${store.runs} trees`, store.runs_per_second, 'runs/s');
  }
  if (large.ratio < 0.8) {
    note(`missed: ${large.ratio.toFixed(2)} of the speed of sha256sum, expected 0.8 at the least`);
    process.exitCode = 1;
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
