import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { TREE_PATHS } from '../../src/domain/record/published-tree.js';
import { driveRuns, warmUp } from '../contender.js';
import { median, type Table } from '../figures.js';
import type { ProbedGate } from '../gate-probe.js';
import { type BenchRepository, BRANCHES } from '../governed/repository.js';
import { atSite, probedFile } from '../governed/site.js';
import type { Options } from '../options.js';
import { readProcess } from '../process-tree.js';

/** Per gate, the median. */
const GOALS = { cpu_ms: 30, wall_ms: 100 } as const;
/** How often each program runs by itself: the kernel counts in steps of 10 ms. */
const REPEATS = 40;

/** A gate's own programs, as they run without the engine. */
interface OwnPrograms {
  readonly executor_ms: number;
  readonly check_ms: number;
}

/** Milliseconds of processor time that the executor of a gate and the check take by themselves, the mean of many. */
async function measureOwnPrograms({ folder, agents }: BenchRepository): Promise<OwnPrograms> {
  const checkout = await mkdtemp(join(tmpdir(), 'promptos-bench-own-'));
  try {
    execFileSync('git', ['clone', '-q', '--branch', BRANCHES.small, folder, checkout]);
    const ended = () => readProcess(process.pid)?.ended_children_ms ?? 0;
    const mean = (argv: readonly string[], input: string) => {
      const [program = '', ...args] = argv;
      const before = ended();
      for (let time = 0; time < REPEATS; time += 1) {
        const env = { PATH: process.env.PATH, PROMPTOS_GATE: 'P00', ANSWERS: agents };
        spawnSync(program, args, { cwd: checkout, env, input });
      }
      return (ended() - before) / REPEATS;
    };
    const prompt = await readFile(join(folder, '.promptos', 'policy.yaml'), 'utf8');
    return {
      executor_ms: mean(['sh', join(agents, 'answer.sh'), 'nina'], prompt),
      check_ms: mean(['sh', 'check.sh'], ''),
    };
  } finally {
    await rm(checkout, { recursive: true, force: true });
  }
}

interface Program {
  readonly duration_ms: number;
}
interface RecordedRun {
  readonly gates: readonly {
    readonly gate: string;
    readonly attempts: readonly { readonly tries: readonly Program[] }[];
  }[];
}

/** Milliseconds from the start of each box to the end of its program, by gate: of executors, and of the checks at P06. */
async function programTimes({ stateDir }: BenchRepository, runId: string): Promise<ReadonlyMap<string, number>> {
  const tree = createFileSystemStore(join(stateDir, 'artifacts')).locate(runId);
  const read = async (path: string) => JSON.parse(await readFile(join(tree, path), 'utf8'));
  const sum = (programs: readonly Program[]): number => programs.reduce((all, { duration_ms }) => all + duration_ms, 0);
  const { gates }: RecordedRun = await read(TREE_PATHS.record);
  const { checks }: { readonly checks: readonly Program[] } = await read(TREE_PATHS.testResults);
  return new Map(
    gates.map(({ gate, attempts }) => [
      gate,
      sum(attempts.flatMap(({ tries }) => tries)) + (gate === 'P06' ? sum(checks) : 0),
    ]),
  );
}

/** What one gate took beyond its executor and its checks. */
interface Overhead {
  readonly gate: string;
  readonly own_ms: number;
  readonly programs_ms: number;
  readonly wall_ms: number;
}

async function overheads(
  repository: BenchRepository,
  runIds: readonly string[],
  own: OwnPrograms,
): Promise<readonly Overhead[]> {
  const lines = (await readFile(probedFile(repository), 'utf8')).trimEnd().split('\n');
  const probed = lines.map((line): ProbedGate => JSON.parse(line)).filter(({ run_id }) => runIds.includes(run_id));
  const times = new Map(
    await Promise.all(runIds.map(async (runId) => [runId, await programTimes(repository, runId)] as const)),
  );
  return probed.map(({ run_id, gate, wall_ms, own_ms, programs_ms }) => ({
    gate,
    own_ms,
    programs_ms: programs_ms - own.executor_ms - (gate === 'P06' ? own.check_ms : 0),
    wall_ms: wall_ms - (times.get(run_id)?.get(gate) ?? 0),
  }));
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The same gates, each with the mean of its kind for its programs: a single gate's are counted in steps of 10 ms. */
function withMeanPrograms(gates: readonly Overhead[]): readonly Overhead[] {
  const ofKind = (id: string) => mean(gates.filter(({ gate }) => gate === id).map(({ programs_ms }) => programs_ms));
  const means = new Map(GATE_IDS.map((id) => [id as string, ofKind(id)]));
  return gates.map((gate) => ({ ...gate, programs_ms: means.get(gate.gate) ?? gate.programs_ms }));
}

const columnsOf = (gates: readonly Overhead[]): Readonly<Record<(typeof COLUMNS)[number], number | null>> => ({
  'worker: CPU ms': median(gates.map(({ own_ms }) => own_ms)),
  'git, launcher, sandbox: CPU ms': median(gates.map(({ programs_ms }) => programs_ms)),
  'together: CPU ms': median(gates.map(({ own_ms, programs_ms }) => own_ms + programs_ms)),
  'wall ms': median(gates.map(({ wall_ms }) => wall_ms)),
});

const COLUMNS = ['worker: CPU ms', 'git, launcher, sandbox: CPU ms', 'together: CPU ms', 'wall ms'] as const;

/** What gates cost beyond their executors and checks, one run at a time, everything in the sandbox. */
export const measureGates = ({ runs, unsigned, profile }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned, profile, probe: true }, async ({ repository, governed }) => {
    await warmUp(governed);
    const runIds = Array.from({ length: runs }, (_, index) => `gates-${index + 1}`);
    await driveRuns(governed, runIds, 1, { door: 'signal' });
    const own = await measureOwnPrograms(repository);
    const gates = withMeanPrograms(await overheads(repository, runIds, own));
    const goals = [
      { of: ['together: CPU ms'], most: GOALS.cpu_ms },
      { of: ['wall ms'], most: GOALS.wall_ms },
    ];
    const rows = GATE_IDS.map((id) => ({ name: id, values: columnsOf(gates.filter(({ gate }) => gate === id)) }));
    return [
      {
        title: `What a gate costs beyond its executor and checks (${runs} runs)`,
        columns: COLUMNS,
        rows: [...rows, { name: 'all gates', values: columnsOf(gates), goals }],
      },
    ];
  });
