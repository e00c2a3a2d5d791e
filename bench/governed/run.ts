import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { driveBareRun } from '../bare/drive-bare-run.js';
import { type BenchRepository, createBenchRepository } from './bench-repository.js';
import { type BenchProcess, startBareWorker, startPromptosWorker } from './child-process.js';
import { driveGovernedRun } from './drive-governed-run.js';
import {
  type Figure,
  historyFigures,
  missed,
  renderFigures,
  straightPathFigures,
  verificationFigures,
  waitingFigures,
} from './figures.js';
import { measureReplay } from './replay.js';
import { type OpenBench, openBench, stopBackground } from './server.js';
import { measureCommand, measureStartUp } from './start-up.js';
import { gateTimes, measureBare, measureGoverned } from './straight-path.js';
import { measureVerification } from './verification.js';
import { measureBareWaiting, measureGovernedWaiting } from './waiting-runs.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    waiting: { type: 'string', default: '200' },
    'runs-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const RUNS = Number(values.runs);
const note = (text: string) => process.stderr.write(`${text}\n`);

/** One repository with its embedded server and its worker. */
interface Site {
  readonly bench: OpenBench;
  readonly worker: BenchProcess;
}

async function openSite(repository: BenchRepository): Promise<Site> {
  const worker = await startPromptosWorker(repository.folder, process.env);
  return { worker, bench: await openBench(repository) };
}

const gateFigures = ({ signed, governed }: Record<'signed' | 'governed', readonly (number | null)[]>): Figure[] =>
  ['P00', 'P01', 'P03', 'P05', 'P06', 'P07', 'finalisation'].map((name, index) => ({
    name: `${name}: ms of its activity`,
    signed: signed[index] ?? null,
    governed: governed[index] ?? null,
    bare: null,
  }));

/** Histories, latencies, memory: two sites of which one signs, and bare runs on a worker of their own, in turn. */
async function measureRuns(signed: Site, governed: Site): Promise<readonly Figure[]> {
  const bareWorker = await startBareWorker(governed.bench.address);
  const { client } = governed.bench;
  const figures: Figure[] = [];
  try {
    // The first run pays for what every later one finds warm.
    for (const { bench } of [signed, governed]) await driveGovernedRun(bench, 'warm-up', 'update');
    await driveBareRun(client, 'warm-up');
    for (const door of ['signal', 'update'] as const) {
      note(`straight path by ${door}`);
      const paths = {
        signed: await measureGoverned(signed.bench, signed.worker, { runs: RUNS, door }),
        governed: await measureGoverned(governed.bench, governed.worker, { runs: RUNS, door }),
        bare: await measureBare(client, bareWorker, { runs: RUNS, door }),
      };
      figures.push(...straightPathFigures(`by ${door}`, paths));
      figures.push(...historyFigures(`by ${door}`, paths.signed, paths.governed));
    }
    note('gates');
    const ids = Array.from({ length: RUNS }, (_, index) => `promptos/run/bench-small-update-${index + 1}`);
    figures.push(
      ...gateFigures({
        signed: await gateTimes(signed.bench.client, ids),
        governed: await gateTimes(client, ids),
      }),
    );
    note('replay');
    const workflowId = ids[0] ?? '';
    const replays = {
      signed: { client: signed.bench.client, workflowId },
      governed: { client, workflowId },
      bare: { client, workflowId: 'promptos/bare/update-1' },
    };
    figures.push({ name: 'ms of a replay', ...(await measureReplay(replays, (kind) => kind === 'bare', RUNS)) });
    note(`${values.waiting} waiting runs`);
    const waiting = Number(values.waiting);
    figures.push(
      ...waitingFigures(waiting, {
        signed: await measureGovernedWaiting(signed.bench, signed.worker, waiting),
        governed: await measureGovernedWaiting(governed.bench, governed.worker, waiting),
        bare: await measureBareWaiting(client, bareWorker, waiting),
      }),
    );
    note('50 MB of patch and of log');
    const large = { runs: 1, door: 'update', size: 'large' } as const;
    figures.push(
      ...straightPathFigures('50 MB of patch and log, by update', {
        signed: await measureGoverned(signed.bench, signed.worker, large),
        governed: await measureGoverned(governed.bench, governed.worker, large),
        bare: null,
      }),
    );
  } finally {
    await bareWorker.stop();
  }
  return figures;
}

const UNSIGNED = { signed: null, bare: null } as const;

async function measureCommands(repository: BenchRepository): Promise<readonly Figure[]> {
  note('commands');
  const { cold, warm } = await measureStartUp(repository, RUNS);
  const startUp = (what: string, times: typeof cold): readonly Figure[] => [
    { name: `${what}: ms from \`promptos dev\` to everything judged`, ...UNSIGNED, governed: times.prepared_ms },
    { name: `${what}: ms to the run started`, ...UNSIGNED, governed: times.started_ms },
    { name: `${what}: ms to the first gate's activity`, ...UNSIGNED, governed: times.first_gate_ms },
  ];
  return [
    ...startUp('server to be started', cold),
    ...startUp('server running', warm),
    ...['--help', 'version'].map((argument) => ({
      name: `ms of \`promptos ${argument}\``,
      ...UNSIGNED,
      governed: measureCommand([argument], 2 * RUNS),
    })),
  ];
}

/** Measures in a repository of its own, and leaves nothing of it. */
async function inRepository<T>(signed: boolean, measure: (repository: BenchRepository) => Promise<T>): Promise<T> {
  const repository = await createBenchRepository({ signed });
  try {
    return await measure(repository);
  } finally {
    await stopBackground(repository);
    await repository.remove();
  }
}

/** Measures with a site in a repository of its own. */
const atSite = <T>(signed: boolean, measure: (site: Site) => Promise<T>): Promise<T> =>
  inRepository(signed, async (repository) => {
    const site = await openSite(repository);
    try {
      return await measure(site);
    } finally {
      await site.worker.stop();
      await site.bench.close();
    }
  });

function measureSignatures(): readonly Figure[] {
  note('verifying in the sandbox');
  return verificationFigures(measureVerification('shared', RUNS), measureVerification('own', RUNS));
}

const load = loadavg();
const figures = [
  ...measureSignatures(),
  ...(values['runs-only'] ? [] : await inRepository(false, measureCommands)),
  ...(await atSite(true, (signed) => atSite(false, (governed) => measureRuns(signed, governed)))),
];
const machine = {
  node: process.versions.node,
  cores: cpus().length,
  load: [load, loadavg()].map(([minute]) => minute),
};
if (values.json) console.log(JSON.stringify({ runs: RUNS, ...machine, figures }));
else {
  console.log(
    `Node.js ${machine.node}, ${machine.cores} cores, load ${machine.load.join(' to ')}, ${RUNS} runs of each\n\n${renderFigures(figures)}`,
  );
}
for (const { name, signed, governed, goal } of missed(figures)) {
  note(`missed: ${name}: ${signed} signed, ${governed} unsigned, expected ${goal} at the most`);
  process.exitCode = 1;
}
