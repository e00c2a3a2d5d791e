import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { median } from '../measure.js';

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
export type Modules = 'shared' | 'own';

const CHILD = fileURLToPath(new URL('./verification-child.js', import.meta.url));

/** Medians of some processes; each has 40 runs of 12 decisions. */
export function measureVerification(modules: Modules, processes: number): VerificationCost {
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
