import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { runWorkflowId } from '../../src/contracts/names.js';
import { median } from '../measure.js';
import type { BenchRepository } from './bench-repository.js';
import { eventTime } from './history-facts.js';
import { PROMPTOS } from './package-root.js';
import { openBench, stopBackground } from './server.js';
import { historyOf } from './straight-path.js';

/** Milliseconds since `promptos dev` was typed. */
export interface StartUp {
  /** Everything was read and judged. */
  readonly prepared_ms: number;
  /** The server and the worker are there, and the run was started. */
  readonly started_ms: number;
  /** The first gate's activity runs. */
  readonly first_gate_ms: number;
}

const POLL_MS = 50;
const TIMEOUT_MS = 120_000;

/** When the first gate's activity started, by the clock of this machine, which is the server's. */
async function firstGateStarted(repository: BenchRepository, runId: string): Promise<number> {
  const bench = await openBench(repository);
  try {
    for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; ) {
      const events = await historyOf(bench.client, runWorkflowId(runId));
      const started = events.find((event) => event.activityTaskStartedEventAttributes);
      // The server writes this event only when the activity has ended, with the time at which it started.
      if (started !== undefined) return eventTime(started);
      await setTimeout(POLL_MS);
    }
    throw new Error(`the first gate of ${runId} has not started`);
  } finally {
    await bench.client.workflow.getHandle(runWorkflowId(runId)).terminate('measured');
    await bench.close();
  }
}

/** Types `promptos dev` in the repository, and stops it when its first gate has run. */
async function startOnce(repository: BenchRepository, runId: string): Promise<StartUp> {
  const typed = Date.now();
  const child = spawn(
    process.execPath,
    [PROMPTOS, 'dev', '--json', '--developer', 'ada', '--notes', 'Measure the start', '--run-id', runId],
    { cwd: repository.folder, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const exit = once(child, 'exit');
  const at = new Map<string, number>();
  for await (const line of createInterface({ input: child.stdout })) {
    const { event } = JSON.parse(line) as { readonly event?: string };
    if (event !== undefined && !at.has(event)) at.set(event, Date.now() - typed);
    if (event === 'started') break;
  }
  try {
    const [prepared_ms, started_ms] = [at.get('prepared'), at.get('started')];
    if (prepared_ms === undefined || started_ms === undefined) throw new Error('`promptos dev` did not start the run');
    return { prepared_ms, started_ms, first_gate_ms: (await firstGateStarted(repository, runId)) - typed };
  } finally {
    child.kill('SIGINT');
    await exit;
  }
}

const medians = (all: readonly StartUp[]): Readonly<Record<keyof StartUp, number | null>> => ({
  prepared_ms: median(all.map(({ prepared_ms }) => prepared_ms)),
  started_ms: median(all.map(({ started_ms }) => started_ms)),
  first_gate_ms: median(all.map(({ first_gate_ms }) => first_gate_ms)),
});

/**
 * From typing `promptos dev` to the first gate, with the server's program in the cache: `cold` starts the server with
 * its database of before, `warm` finds it running. Ends with no server.
 */
export async function measureStartUp(repository: BenchRepository, runs: number) {
  const [cold, warm]: [StartUp[], StartUp[]] = [[], []];
  for (let number = 1; number <= runs; number += 1) {
    await stopBackground(repository);
    cold.push(await startOnce(repository, `start-cold-${number}`));
    warm.push(await startOnce(repository, `start-warm-${number}`));
  }
  await stopBackground(repository);
  return { runs, cold: medians(cold), warm: medians(warm) };
}

/** Median milliseconds of a command that only prints. */
export function measureCommand(args: readonly string[], runs: number): number | null {
  const times = Array.from({ length: runs }, () => {
    const before = performance.now();
    const { status } = spawnSync(process.execPath, [PROMPTOS, ...args], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`promptos ${args.join(' ')} ended with ${status}`);
    return performance.now() - before;
  });
  return median(times);
}
