import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { runWorkflowId } from '../../src/contracts/names.js';
import { findServer } from '../../src/embedded/server.js';
import { median, type Row, type Table } from '../figures.js';
import type { BenchRepository } from '../governed/repository.js';
import { inRepository, stopBackground } from '../governed/site.js';
import { eventTime, historyOf } from '../history.js';
import type { Options } from '../options.js';
import { PROMPTOS } from '../package-root.js';
import { readProcess } from '../process-tree.js';

/** Milliseconds since `promptos dev` was typed. */
interface StartUp {
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
  const server = await findServer(repository.stateDir);
  if (server === null) throw new Error('expected an embedded server to run');
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace });
  try {
    for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; ) {
      const events = await historyOf(client, runWorkflowId(runId));
      const started = events.find((event) => event.activityTaskStartedEventAttributes);
      // The server writes this event only when the activity has ended, with the time at which it started.
      if (started !== undefined) return eventTime(started);
      await setTimeout(POLL_MS);
    }
    throw new Error(`the first gate of ${runId} has not started`);
  } finally {
    await client.workflow.getHandle(runWorkflowId(runId)).terminate('measured');
    await connection.close();
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

/**
 * From typing `promptos dev` to the first gate, with the server's program in the cache: `cold` starts the server with
 * its database of before, `warm` finds it running. Ends with no server.
 */
async function measureStartUp(repository: BenchRepository, runs: number): Promise<Table> {
  const [cold, warm]: [StartUp[], StartUp[]] = [[], []];
  for (let number = 1; number <= runs; number += 1) {
    await stopBackground(repository);
    cold.push(await startOnce(repository, `start-cold-${number}`));
    warm.push(await startOnce(repository, `start-warm-${number}`));
  }
  await stopBackground(repository);
  const row = (name: string, key: keyof StartUp): Row => ({
    name,
    values: {
      'server to be started': median(cold.map((each) => each[key])),
      'server running': median(warm.map((each) => each[key])),
    },
  });
  return {
    title: 'From `promptos dev` to the first gate',
    columns: ['server to be started', 'server running'],
    rows: [
      row('ms to everything judged', 'prepared_ms'),
      row('ms to the run started', 'started_ms'),
      row("ms to the first gate's activity", 'first_gate_ms'),
    ],
  };
}

/** Commands that answer at once, with the most processor time that each may take. */
const COMMANDS: readonly { readonly args: readonly string[]; readonly most: number }[] = [
  { args: ['--help'], most: 150 },
  { args: ['version'], most: 150 },
  { args: ['run', 'list'], most: 400 },
];

/** Medians of a command that only prints: milliseconds, and milliseconds of processor time. */
async function measureCommand(args: readonly string[], cwd: string, runs: number): Promise<Row['values']> {
  const [times, used]: [number[], number[]] = [[], []];
  const ended = async () => (await readProcess(process.pid))?.ended_children_ms ?? null;
  for (let run = 0; run < runs; run += 1) {
    const [before, since] = [performance.now(), await ended()];
    const { status } = spawnSync(process.execPath, [PROMPTOS, ...args], { cwd, stdio: 'ignore' });
    if (status !== 0) throw new Error(`promptos ${args.join(' ')} ended with ${status}`);
    times.push(performance.now() - before);
    const until = await ended();
    if (since !== null && until !== null) used.push(until - since);
  }
  return { ms: median(times), 'processor ms': median(used) };
}

/** What a person waits for at the command line. */
export const measureCommands = ({ runs }: Options): Promise<readonly Table[]> =>
  inRepository({ signed: false }, async (repository) => {
    const startUp = await measureStartUp(repository, runs);
    const rows: Row[] = [];
    for (const { args, most } of COMMANDS) {
      const values = await measureCommand(args, repository.folder, 2 * runs);
      rows.push({ name: `\`promptos ${args.join(' ')}\``, values, goals: [{ of: ['processor ms'], most }] });
    }
    return [startUp, { title: 'Commands', columns: ['ms', 'processor ms'], rows }];
  });
