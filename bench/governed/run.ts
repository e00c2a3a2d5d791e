import { cpus } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { driveBareRun } from '../bare/drive-bare-run.js';
import { type BenchRepository, createBenchRepository } from './bench-repository.js';
import { startBareWorker, startPromptosWorker } from './child-process.js';
import { driveGovernedRun } from './drive-governed-run.js';
import { type Figure, missed, renderFigures, straightPathFigures } from './figures.js';
import { measureReplay } from './replay.js';
import { openBench, stopBackground } from './server.js';
import { measureCommand, measureStartUp } from './start-up.js';
import { gateTimes, measureBare, measureGoverned } from './straight-path.js';
import { measureBareWaiting, measureGovernedWaiting } from './waiting-runs.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    waiting: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});
const RUNS = Number(values.runs);
const note = (text: string) => process.stderr.write(`${text}\n`);

/** Histories, latencies, memory: one worker for governed runs and one for bare ones, on the same embedded server. */
async function measureRuns(repository: BenchRepository): Promise<readonly Figure[]> {
  const worker = await startPromptosWorker(repository.folder, process.env);
  const bench = await openBench(repository);
  const bareWorker = await startBareWorker(bench.address);
  const figures: Figure[] = [];
  try {
    // The first run pays for what every later one finds warm.
    await driveGovernedRun(bench, 'warm-up', 'update');
    await driveBareRun(bench.client, 'warm-up');
    for (const door of ['signal', 'update'] as const) {
      note(`straight path by ${door}`);
      const governed = await measureGoverned(bench, worker, { runs: RUNS, door });
      const bare = await measureBare(bench.client, bareWorker, { runs: RUNS, door });
      figures.push(...straightPathFigures(`by ${door}`, governed, bare));
    }
    note('gates');
    const ids = Array.from({ length: RUNS }, (_, index) => `promptos/run/bench-small-update-${index + 1}`);
    const gates = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07', 'finalisation'];
    for (const [index, ms] of (await gateTimes(bench.client, ids)).entries()) {
      figures.push({ name: `${gates[index]}: ms of its activity`, governed: ms, bare: null });
    }
    note('replay');
    const replay = await measureReplay(bench.client, ids[0] ?? '', 'promptos/bare/update-1', RUNS);
    figures.push({ name: 'ms of a replay', governed: replay.governed_ms, bare: replay.bare_ms });
    note(`${values.waiting} waiting runs`);
    const waiting = await measureGovernedWaiting(bench, worker, Number(values.waiting));
    const bareWaiting = await measureBareWaiting(bench.client, bareWorker, Number(values.waiting));
    const mebibytes = (bytes: number | null | undefined) => (bytes == null ? null : bytes / 2 ** 20);
    figures.push(
      {
        name: `MiB of a worker with ${values.waiting} waiting runs`,
        governed: mebibytes(waiting.after?.rss_bytes),
        bare: mebibytes(bareWaiting.after?.rss_bytes),
      },
      {
        name: 'MiB of one waiting run',
        governed: mebibytes(waiting.bytes_per_run),
        bare: mebibytes(bareWaiting.bytes_per_run),
      },
    );
    note('50 MB of patch and of log');
    const large = await measureGoverned(bench, worker, { runs: 1, door: 'update', size: 'large' });
    figures.push(...straightPathFigures('50 MB of patch and log, by update', large, null));
  } finally {
    await bareWorker.stop();
    await worker.stop();
    await bench.close();
  }
  return figures;
}

async function measureCommands(repository: BenchRepository): Promise<readonly Figure[]> {
  note('commands');
  const { cold, warm } = await measureStartUp(repository, RUNS);
  const startUp = (what: string, times: typeof cold): readonly Figure[] => [
    { name: `${what}: ms from \`promptos dev\` to everything judged`, governed: times.prepared_ms, bare: null },
    { name: `${what}: ms to the run started`, governed: times.started_ms, bare: null },
    { name: `${what}: ms to the first gate's activity`, governed: times.first_gate_ms, bare: null },
  ];
  return [
    ...startUp('server to be started', cold),
    ...startUp('server running', warm),
    ...['--help', 'version'].map((argument) => ({
      name: `ms of \`promptos ${argument}\``,
      governed: measureCommand([argument], 2 * RUNS),
      bare: null,
    })),
  ];
}

/** Measures in a repository of its own, and leaves nothing of it. */
async function inRepository<T>(measure: (repository: BenchRepository) => Promise<T>): Promise<T> {
  const repository = await createBenchRepository();
  try {
    return await measure(repository);
  } finally {
    await stopBackground(repository);
    await repository.remove();
  }
}

const figures = [...(await inRepository(measureCommands)), ...(await inRepository(measureRuns))];
const machine = { node: process.versions.node, cores: cpus().length };
if (values.json) console.log(JSON.stringify({ runs: RUNS, ...machine, figures }));
else {
  console.log(`Node.js ${machine.node}, ${machine.cores} cores, ${RUNS} runs of each\n\n${renderFigures(figures)}`);
}
for (const { name, governed, goal } of missed(figures)) {
  note(`missed: ${name}: ${governed}, expected ${goal} at the most`);
  process.exitCode = 1;
}
