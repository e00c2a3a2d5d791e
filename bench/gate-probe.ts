import { appendFileSync } from 'node:fs';
import process from 'node:process';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { readProcessTree } from './process-tree.js';

/** The variable that names the file of the lines. */
export const PROBE_FILE = 'GATE_PROBE_FILE';

/** What carrying out one gate took, with all that ran for it. */
export interface ProbedGate {
  readonly run_id: string;
  readonly gate: string;
  readonly wall_ms: number;
  /** Processor time of the worker's own process. */
  readonly own_ms: number;
  /** Of everything below it: what starts programs, git, the sandbox, executors, checks. */
  readonly programs_ms: number;
}

const GATE_ACTIVITY = 'promptos_executeGate';

/** Milliseconds of all processes below this one, those that have ended included. */
function programsMs(): number {
  const tree = readProcessTree(process.pid);
  if (tree === null) return 0;
  const { root, descendants } = tree;
  return descendants.reduce((sum, stat) => sum + stat.cpu_ms + stat.ended_children_ms, root.ended_children_ms);
}

/**
 * Writes a line for each gate that a worker carries out. Only for one run at a time: all that goes on in the process meanwhile
 * is taken for the gate's.
 */
export const gateProbe =
  (file: string): ActivityInterceptorsFactory =>
  ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        if (info.activityType !== GATE_ACTIVITY) return next(input);
        const [{ run_id, gate }] = input.args as [Pick<ProbedGate, 'run_id' | 'gate'>];
        const programs = programsMs();
        const [cpu, began] = [process.cpuUsage(), performance.now()];
        const result = await next(input);
        const wall_ms = performance.now() - began;
        const { user, system } = process.cpuUsage(cpu);
        const programs_ms = programsMs() - programs;
        const line: ProbedGate = { run_id, gate, wall_ms, own_ms: (user + system) / 1_000, programs_ms };
        appendFileSync(file, `${JSON.stringify(line)}\n`);
        return result;
      },
    },
  });
