import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { mebibytes, median, type Table } from '../figures.js';
import type { Options } from '../options.js';

/** What verifying signed decisions costs inside the workflow sandbox; processor time. */
export interface VerificationCost {
  /** The very first of a worker, before the engine has compiled anything. */
  readonly worker_first_ms: number | null;
  /** Evaluating the modules when a run is loaded. */
  readonly load_ms: number | null;
  readonly run_first_ms: number | null;
  readonly later_ms: number | null;
  /** What a run in the cache keeps of it. */
  readonly heap_bytes_per_run: number | null;
}

/** `own` is what it would cost without the modules that runs share. */
type Modules = 'shared' | 'own';

const CHILD = fileURLToPath(new URL('../signatures/child.js', import.meta.url));

/** Medians of some processes; each has 40 runs of 12 decisions. */
function measureVerification(modules: Modules, processes: number): VerificationCost {
  const costs = Array.from({ length: processes }, () => {
    const text = execFileSync(process.execPath, ['--expose-gc', CHILD, modules], { encoding: 'utf8' });
    return JSON.parse(text) as VerificationCost;
  });
  const middle = (key: keyof VerificationCost) => median(costs.flatMap((cost) => cost[key] ?? []));
  return {
    worker_first_ms: middle('worker_first_ms'),
    load_ms: middle('load_ms'),
    run_first_ms: middle('run_first_ms'),
    later_ms: middle('later_ms'),
    heap_bytes_per_run: middle('heap_bytes_per_run'),
  };
}

const GOALS = { run_first_ms: 40, later_ms: 3 } as const;

/** What verifying signed decisions costs in the sandbox: as it is, and if each run had the modules for itself. */
export async function measureSignatures({ runs }: Options): Promise<readonly Table[]> {
  const [shared, own] = [measureVerification('shared', runs), measureVerification('own', runs)];
  const values = (key: keyof VerificationCost) => ({ shared: shared[key], own: own[key] });
  return [
    {
      title: 'Verifying signed decisions in the sandbox',
      columns: ['shared', 'own'],
      rows: [
        { name: "ms of processor time: a worker's first decision", values: values('worker_first_ms') },
        { name: 'ms of processor time: loading the modules', values: values('load_ms') },
        {
          name: "ms of processor time: a run's first decision",
          values: values('run_first_ms'),
          goals: [{ of: ['shared'], most: GOALS.run_first_ms }],
        },
        {
          name: 'ms of processor time: each one after',
          values: values('later_ms'),
          goals: [{ of: ['shared'], most: GOALS.later_ms }],
        },
        {
          name: 'MiB that a cached run keeps of it',
          values: { shared: mebibytes(shared.heap_bytes_per_run), own: mebibytes(own.heap_bytes_per_run) },
        },
      ],
    },
  ];
}
