/*
 * Records the histories that `test/workflows/replay.test.ts` replays, from real runs:
 *
 *   RECORD_HISTORIES=1 npx vitest run --project fast test/workflows/replay.test.ts
 *   RECORD_HISTORIES=signed,quorum …   records these alone
 *
 * Until 0.1.0 they may be recorded again whenever the workflow changes; after that a released set stays, beside the new.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { exampleOutputs } from './gate-outputs.js';
import {
  createGovernedWorker,
  type GovernedWorker,
  type GovernedWorkerOptions,
  type WorkedRun,
} from './governed-worker.js';
import { outputs, says } from './scripted-executor.js';
import { UNSIGNED_POLICY } from './signing-policy.js';
import { startTestServer, startTimeSkippingEnvironment } from './temporal.js';
import { VECTOR_KEYS, type VectorKey } from './vector-keys.js';
import { SIGNED_POLICY, vectorPack } from './vector-policies.js';

const good = exampleOutputs();

/** What a recording needs beside the shared dev server: another clock, another server, or keys. */
type Surroundings = 'plain' | 'signed' | 'skipping clock' | 'short histories';

interface Recording {
  readonly surroundings: Surroundings;
  /** Starts a run, brings it to where its history is taken, and gives it back. */
  record(worker: GovernedWorker): Promise<WorkedRun>;
  /** The execution whose history it is, from 0; the last one when absent. */
  readonly execution?: 0 | 1;
  /** The run is left as it is until its history was taken, and then cancelled. */
  readonly staysOpen?: true;
}

const ended =
  (
    walk: (run: WorkedRun, worker: GovernedWorker) => Promise<unknown>,
    options: Parameters<GovernedWorker['startRun']>[0] = {},
  ) =>
  async (worker: GovernedWorker): Promise<WorkedRun> => {
    const run = await worker.startRun(options);
    await walk(run, worker);
    await worker.runs.wait(run.runId).catch(() => undefined);
    return run;
  };

const ESCALATES = says(
  JSON.stringify({
    kind: 'escalation',
    report: {
      issue: 'Which one?',
      impact: 'A guess.',
      context: '',
      options: ['a', 'b'],
      recommendation: 'a',
      security_sensitive: false,
    },
  }),
);

const walkTwoGates = ended(
  async (run) => {
    await run.approve('P00');
    await run.approve('P01');
  },
  { gates: ['P00', 'P01'] },
);

/** The recorded runs. */
const RECORDINGS: Readonly<Record<string, Recording>> = {
  straight: {
    surroundings: 'plain',
    record: ended(
      async (run) => {
        for (const gate of GATE_IDS) await run.approve(gate);
      },
      { gates: GATE_IDS },
    ),
  },
  reworked: {
    surroundings: 'plain',
    record: ended(
      async (run) => {
        await run.handle.signal('approve', run.decision(await run.awaitDecision('P00')));
        await run.approve('P01', { choice: 'reject', to_gate: 'P00', reason: 'Say it again.', decision_id: 'back' });
        await run.approve('P00');
        await run.approve('P01');
      },
      {
        gates: ['P00', 'P01'],
        scripts: { nina: [outputs(good.P00), outputs(good.P01), outputs(good.P00), outputs(good.P01)] },
      },
    ),
  },
  escalated: {
    surroundings: 'plain',
    record: ended(
      async (run) => {
        await run.resolve('E1', { choice: 'retry', guidance: 'The first.' });
        await run.awaitDecision('P00');
        await run.handle.signal('approve');
        await run.handle.signal('escalate');
        await run.resolve('E2', { choice: 'continue' });
        await run.approve('P00');
      },
      { scripts: { nina: [ESCALATES, outputs(good.P00)] } },
    ),
  },
  cancelled: {
    surroundings: 'plain',
    record: ended(async (run) => {
      await run.awaitDecision('P00');
      await run.handle.cancel();
    }),
  },
  signed: {
    surroundings: 'signed',
    record: ended(
      async (run) => {
        await run.resolve('E1', { choice: 'retry', guidance: 'The first.' });
        await run.approve('P00', { choice: 'reject', reason: 'Say it again.', decision_id: 'again' });
        await run.approve('P00');
      },
      { scripts: { nina: [ESCALATES, outputs(good.P00), outputs(good.P00)] } },
    ),
  },
  quorum: {
    surroundings: 'signed',
    record: ended(
      async (run) => {
        await run.approve('P00');
        const { request_id } = await run.awaitDecision('P01');
        await run.approve('P01');
        await run.approve('P01', { actor: 'ivan', decision_id: `${request_id}-ivan` });
      },
      { gates: ['P00', 'P01'] },
    ),
  },
  expired: { surroundings: 'skipping clock', record: ended(async () => undefined) },
  continued: { surroundings: 'short histories', record: walkTwoGates, execution: 0 },
  resumed: { surroundings: 'short histories', record: walkTwoGates, execution: 1 },
  open: {
    surroundings: 'plain',
    record: async (worker) => {
      const run = await worker.startRun({ gates: ['P00', 'P01'] });
      await run.approve('P00');
      await run.awaitDecision('P01');
      return run;
    },
    staysOpen: true,
  },
};

export const HISTORY_NAMES: readonly string[] = Object.keys(RECORDINGS);

/** The server then tells a run to continue as new once its history has this many events: after one gate of two. */
const SHORT_HISTORY = ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=25'];

const keysByName: Readonly<Record<string, VectorKey | undefined>> = VECTOR_KEYS;
const signerOf = (name: string) => keysByName[name]?.signer ?? null;

const RECORDER = { worker: { identity: 'recorder' } } as const;

/** Gives a worker to `work`, and ends everything that was started for it. */
const WITHIN: Readonly<
  Record<Surroundings, (address: string, work: (worker: GovernedWorker) => Promise<void>) => Promise<void>>
> = {
  plain: (address, work) => within({ address, policy: UNSIGNED_POLICY }, work),
  signed: (address, work) =>
    within(
      {
        address,
        policy: SIGNED_POLICY,
        pack: vectorPack(),
        signers: { forPrincipal: signerOf, forEngine: () => signerOf('engine') },
        signerFor: async (name) => signerOf(name),
      },
      work,
    ),
  'skipping clock': async (_, work) => {
    const environment = await startTimeSkippingEnvironment();
    const { client, nativeConnection: native, namespace = 'default' } = environment;
    await within({ address: '', namespace, connections: { client, native }, policy: UNSIGNED_POLICY }, work);
    await environment.teardown();
  },
  'short histories': async (_, work) => {
    const server = await startTestServer(SHORT_HISTORY);
    await within({ address: server.address, policy: UNSIGNED_POLICY }, work);
    await server.stop();
  },
};

async function within(options: GovernedWorkerOptions, work: (worker: GovernedWorker) => Promise<void>): Promise<void> {
  const worker = await createGovernedWorker({ ...options, ...RECORDER });
  try {
    await work(worker);
  } finally {
    await worker.close();
  }
}

/**
 * Writes `<name>.json` for recordings: the workflow's id, and its history as JSON.
 * @param names which ones
 */
export async function recordHistories(address: string, folder: string, names = HISTORY_NAMES): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    const recording = RECORDINGS[name];
    if (recording === undefined) throw new Error(`no recording is called ${name}`);
    await WITHIN[recording.surroundings](address, async (worker) => {
      const run = await recording.record(worker);
      // Who sent what from which machine is not the record's business, and replays do not look at it.
      const history: unknown = JSON.parse(historyToJSON(await historyOf(worker, run, recording)), anonymous);
      const text = JSON.stringify({ workflow_id: run.handle.workflowId, history });
      await writeFile(join(folder, `${name}.json`), `${text}\n`);
      if (recording.staysOpen) await run.handle.cancel();
    });
  }
}

/** The history of one execution of the chain: each names the next in its last event. */
async function historyOf({ client }: GovernedWorker, run: WorkedRun, { execution }: Recording) {
  const { workflowId } = run.handle;
  if (execution === undefined) return run.handle.fetchHistory();
  const last = await run.handle.fetchHistory();
  let executionId = last.events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? '';
  for (let number = 0; ; number += 1) {
    const history = await client.workflow.getHandle(workflowId, executionId).fetchHistory();
    if (number === execution) return history;
    const continued = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
    if (!continued?.newExecutionRunId) throw new Error(`execution ${number} of ${workflowId} did not continue as new`);
    executionId = continued.newExecutionRunId;
  }
}

function anonymous(key: string, value: unknown): unknown {
  if (key === 'identity') return 'recorder';
  if (key === 'stackTrace') return '';
  return value;
}
