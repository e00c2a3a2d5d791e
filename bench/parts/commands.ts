import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import { runWorkflowId } from '../../src/contracts/names.js';
import type { ArtifactRef } from '../../src/contracts/primitives.js';
import { TREE_PATHS } from '../../src/domain/record/published-tree.js';
import { findServer } from '../../src/embedded/server.js';
import { startAndRest } from '../contender.js';
import { type Goal, median, type Row, ratio, type Table } from '../figures.js';
import type { BenchRepository } from '../governed/repository.js';
import { atSite, inRepository, stopBackground } from '../governed/site.js';
import { eventTime, historyOf } from '../history.js';
import { note } from '../note.js';
import type { Options } from '../options.js';
import { PACKAGE_ROOT, PROMPTOS } from '../package-root.js';
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

/** The most milliseconds of processor time of a command that needs no project, and of one that looks at runs or decides. */
const [ANSWERS, LOOKS] = [150, 400];
/** What an empty program took where these were set, with Node.js 20. */
const EMPTY_PROGRAM_MS = 62;

interface Measured {
  readonly name: string;
  /** The arguments of each round. */
  readonly args: (round: number) => readonly string[];
  /** Milliseconds of processor time. */
  readonly most: number;
  /** What it ends with; 0 when absent. */
  readonly exit?: number;
}

const command = (text: string, most: number, exit = 0): Measured => ({
  name: `\`promptos ${text}\``,
  args: () => text.split(' '),
  most,
  exit,
});

const COLUMNS = ['ms', 'processor ms', 'empty program: processor ms', 'times an empty program'] as const;

/**
 * With the release of Node.js that a goal was set with, the speed of the machine is taken out of it. Later ones start an empty
 * program in less than half of the time, so that a multiple of it says nothing.
 */
const goalOf = (most: number): Goal =>
  process.versions.node.startsWith('20.')
    ? { of: ['times an empty program'], most: most / EMPTY_PROGRAM_MS }
    : { of: ['processor ms'], most };

/** Medians of a command that ends by itself. In each round an empty program is measured beside it. */
async function measureCommand({ name, args, most, exit }: Measured, cwd: string, rounds: number): Promise<Row> {
  const [times, used, empty]: [number[], number[], number[]] = [[], [], []];
  const ended = () => readProcess(process.pid)?.ended_children_ms ?? null;
  /** Milliseconds, and milliseconds of processor time where they are known. */
  const run = (argv: readonly string[], expected: number): readonly [number, number | null] => {
    const [before, since] = [performance.now(), ended()];
    const { status } = spawnSync(process.execPath, argv, { cwd, stdio: 'ignore' });
    if (status !== expected) throw new Error(`${name} ended with ${status}`);
    const [after, until] = [performance.now(), ended()];
    return [after - before, since === null || until === null ? null : until - since];
  };
  // The round before the first keeps compiled code, as the first use on a machine does.
  for (let round = -1; round < rounds; round += 1) {
    const [, nodes] = run(['--eval', ''], 0);
    const [ms, own] = run([PROMPTOS, ...args(round)], exit ?? 0);
    if (round < 0) continue;
    times.push(ms);
    if (own !== null) used.push(own);
    if (nodes !== null) empty.push(nodes);
  }
  const [own, nodes] = [median(used), median(empty)];
  const figures = [median(times), own, nodes, ratio(own, nodes)];
  return {
    name,
    values: Object.fromEntries(COLUMNS.map((column, index) => [column, figures[index] ?? null])),
    goals: [goalOf(most)],
  };
}

async function measureAll(commands: readonly Measured[], cwd: string, rounds: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const each of commands) rows.push(await measureCommand(each, cwd, rounds));
  return rows;
}

const RUN = 'measured-0';
const tableOf = (title: string, rows: readonly Row[]): Table => ({ title, columns: COLUMNS, rows });

/** Without a server a command says so, or answers from the store. */
const WITHOUT_SERVER = [
  command('--help', ANSWERS),
  command('version', ANSWERS),
  command('completion bash', ANSWERS),
  command('__complete -- run ', ANSWERS),
  command('run list', LOOKS),
  command(`run status ${RUN}`, LOOKS, 1),
  command(`approve ${RUN} --as grace --yes`, LOOKS, 1),
];

/** Commands beside a server and a worker. Each round approves another run, the first gate of which waits. */
const measureLive = (rounds: number): Promise<Table> =>
  atSite({ signed: true }, async ({ repository, governed }) => {
    note(`starting ${rounds + 1} runs that wait`);
    for (let round = -1; round < rounds; round += 1) await startAndRest(governed, `measured-${round + 1}`);
    const rows = await measureAll(
      [
        command('run list', LOOKS),
        command(`run status ${RUN}`, LOOKS),
        command('run status latest', LOOKS),
        {
          name: '`promptos approve`',
          args: (round) => ['approve', `measured-${round + 1}`, '--as', 'grace', '--yes'],
          most: LOOKS,
        },
      ],
      repository.folder,
      rounds,
    );
    return tableOf('Commands with a server and a worker', rows);
  });

/** Published runs, of which only what a listing shows is stored. */
const PUBLISHED = 1_000;
const VECTOR = join(PACKAGE_ROOT, 'test', 'vectors', 'trees', 'straight');

async function publishRuns({ stateDir }: BenchRepository): Promise<void> {
  note(`publishing ${PUBLISHED} runs`);
  const store = createFileSystemStore(join(stateDir, 'artifacts'));
  const files: ArtifactRef[] = [];
  for (const path of [TREE_PATHS.session, TREE_PATHS.record]) {
    const stored = await store.putObject(await readFile(join(VECTOR, path)));
    files.push({ path, media_type: 'application/json', ...stored });
  }
  for (let number = 0; number < PUBLISHED; number += 1) await store.publish(`published-${number}`, files);
}

/** What a person waits for at the command line. */
export const measureCommands = async ({ runs }: Options): Promise<readonly Table[]> => {
  const tables = await inRepository({ signed: false }, async (repository) => {
    const startUp = await measureStartUp(repository, runs);
    const alone = await measureAll(WITHOUT_SERVER, repository.folder, 2 * runs);
    await publishRuns(repository);
    const listing = [command('run list', LOOKS), command('run list --limit 1000', 10 * LOOKS)];
    const many = await measureAll(listing, repository.folder, 2 * runs);
    return [
      startUp,
      tableOf('Commands without a server', alone),
      tableOf(`Commands over ${PUBLISHED} published runs`, many),
    ];
  });
  return [...tables, await measureLive(2 * runs)];
};
