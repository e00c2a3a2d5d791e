import { randomUUID } from 'node:crypto';
import { Client, Connection, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import protobuf from '@temporalio/proto';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import { type Delivery, GovernedRuns, type SignerFor } from '../../src/client/client.js';
import { PromptOsError } from '../../src/contracts/errors.js';
import { type GateId, runWorkflowId } from '../../src/contracts/names.js';
import type { Decision, Resolution } from '../../src/contracts/run/decisions.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../src/contracts/run/run-status.js';
import { governanceDataConverter } from '../../src/converter/data-converter.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { governanceWorkflowsPath, sharedModules } from '../../src/plugin/workflow-bundle.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import type { ExecutorRegistry } from '../../src/ports/gate-executor.js';
import type { GovernancePorts } from '../../src/ports/index.js';
import { exampleOutputs } from './gate-outputs.js';
import {
  createGovernedRepository,
  type GovernedRepository,
  type GovernedRepositoryOptions,
} from './governed-repository.js';
import { edits, outputs, type ScriptedExecutors, type ScriptStep, scriptedExecutors } from './scripted-executor.js';
import { type ExampleKeys, signingSetup } from './signing-policy.js';

const { WorkflowTaskFailedCause } = protobuf.temporal.api.enums.v1;

const GOOD = exampleOutputs();

/** The change that makes the example repository's check pass. */
export const REPAIR: ScriptStep = edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(GOOD.P05));

/** Works until its signal aborts, and then fails as a killed program does. */
export const hangs: ScriptStep = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('killed')), { once: true }));

/** What each principal does on the straight path. */
export const STRAIGHT: Readonly<Record<string, readonly ScriptStep[]>> = {
  nina: [outputs(GOOD.P00), outputs(GOOD.P01), outputs(GOOD.P03), REPAIR],
  vera: [outputs(GOOD.P06)],
  rex: [outputs(GOOD.P07)],
};

export interface GovernedWorkerOptions extends GovernedRepositoryOptions {
  readonly address: string;
  readonly namespace?: string;
  /** Connections of the test's own, as for a server that has its clock in its hands. */
  readonly connections?: { readonly client: Client; readonly native: NativeConnection };
  readonly worker?: Partial<WorkerOptions>;
  /** The engine's queue; unique by default. */
  readonly taskQueue?: string;
  /** The keys of people, for a policy of the test's own; without them nothing that they send is signed. */
  readonly signerFor?: SignerFor;
  /** The principals whose gates are done elsewhere; none by default. */
  readonly handOff?: NonNullable<ExecutorRegistry['handOff']>;
  /** The policy without keys, which get into it, in place of the example's. */
  readonly signedPolicy?: string;
  /** Starts no worker: the test starts and stops its own. */
  readonly idle?: boolean;
}

interface RunOptions {
  readonly gates?: readonly GateId[];
  /** Steps by principal; without it the straight path. */
  readonly scripts?: Readonly<Record<string, readonly ScriptStep[]>>;
  readonly developer?: string;
  readonly runId?: string;
}

/** One run of a governed worker, and what a test asks of it. */
export interface WorkedRun {
  readonly runId: string;
  readonly handle: WorkflowHandle;
  readonly executors: ScriptedExecutors;
  status(): Promise<RunStatus>;
  ledger(): Promise<readonly LedgerEntry[]>;
  /** The types of the ledger's entries, in order. */
  types(): Promise<readonly string[]>;
  /** Waits until a decision on the gate is awaited. */
  awaitDecision(gate: GateId): Promise<AwaitedDecision>;
  awaitEscalation(id: string): Promise<AwaitedResolution>;
  /** A decision on what is awaited, as Grace would send it. */
  decision(awaited: AwaitedDecision, parts?: Partial<Decision>): Decision;
  resolution(awaited: AwaitedResolution, parts: Partial<Resolution>): Resolution;
  /** Waits for the gate and approves it. */
  approve(gate: GateId, parts?: Partial<Decision>): Promise<Delivery>;
  resolve(id: string, parts: Partial<Resolution>): Promise<Delivery>;
  /** Causes of workflow tasks that failed, but for those that the server takes back itself. */
  failedTasks(): Promise<readonly string[]>;
}

/**
 * A Worker with the plugin over a temporary repository, on a task queue of its own, and a client to its runs. Everything
 * is signed, as under the policy that `promptos init` writes, unless the test has a policy of its own.
 */
export interface GovernedWorker {
  readonly repository: GovernedRepository;
  readonly ports: GovernancePorts;
  readonly store: ArtifactStore;
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly runs: GovernedRuns;
  /** Another client of the same people. @param answerTimeoutMs as shipped unless it is said */
  clientOf(answerTimeoutMs?: number): GovernedRuns;
  /** The keys of the policy that signs everything; null under a policy of the test's own. */
  readonly keys: ExampleKeys | null;
  readonly taskQueue: string;
  startRun(options?: RunOptions): Promise<WorkedRun>;
  /** Another handle on a run, for instance after a Reset. */
  run(runId: string, executors?: ScriptedExecutors): WorkedRun;
  createWorker(options?: Partial<WorkerOptions>): Promise<Worker>;
  /** The lines of a published run's ledger. */
  publishedLedger(runId: string): Promise<readonly LedgerEntry[]>;
  publishedJson(runId: string, path: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Millisecond steps in which a test looks again; the longest that it looks. */
const POLL = { interval: 40, timeout: 90_000 };

/** A signal that may come after the run's last decision, when the run may have ended already. */
export async function signalUnlessEnded(
  run: WorkedRun,
  ...signal: Parameters<WorkflowHandle['signal']>
): Promise<void> {
  try {
    await run.handle.signal(...signal);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Waits for a value that is not null. */
export async function eventually<T>(look: () => Promise<T | null>, what: string): Promise<T> {
  for (const end = Date.now() + POLL.timeout; Date.now() < end; ) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL.interval));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** A Temporal client that takes histories of many megabytes and keeps our converter. */
export const connectClient = async (address: string): Promise<Client> => {
  const connection = await Connection.connect({
    address,
    channelArgs: { 'grpc.max_receive_message_length': 128 << 20 },
  });
  return new Client({ connection, plugins: [new GovernedRunPlugin()] });
};

/** The runtime of a test process says nothing below an error: what it warns of is what the tests provoke. Call it first. */
export function quietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  } catch {
    // It is there already: one test file may have several workers.
  }
}

/** Our workflows, with more interceptors of a test's own. */
export const bundleGoverned = (interceptors: string[] = []): Promise<WorkflowBundle> =>
  bundleWorkflowCode({
    workflowsPath: governanceWorkflowsPath(),
    payloadConverterPath: governanceDataConverter.payloadConverterPath ?? '',
    preloadModules: [...sharedModules()],
    workflowInterceptorModules: interceptors,
    logger: new DefaultLogger('ERROR'),
  });

let bundle: Promise<WorkflowBundle> | undefined;

/** Our workflows, bundled once for all workers of a test file. */
export const governedBundle = (): Promise<WorkflowBundle> => {
  bundle ??= bundleGoverned();
  return bundle;
};

export async function createGovernedWorker(options: GovernedWorkerOptions): Promise<GovernedWorker> {
  quietRuntime();
  const { address, namespace = 'default', idle = false } = options;
  const signing = options.policy === undefined ? signingSetup(options.signedPolicy) : null;
  const repository = await createGovernedRepository({ ...signing, ...options });
  const scripts = new Map<string, ScriptedExecutors>();
  const { handOff = () => null } = options;
  const ports: GovernancePorts = { ...repository.ports, executors: { ...executorsByRun(scripts), handOff } };
  const { store } = ports;
  const client = options.connections?.client ?? (await connectClient(address));
  const connection = options.connections?.native ?? (await NativeConnection.connect({ address }));
  const { taskQueue = `test-${randomUUID()}`, signerFor = signing?.signerFor } = options;
  // A test is not about how busy its machine is. A query may wait 10 s for a worker that has the run in its cache.
  const answerTimeoutMs = 30_000;
  const clientOf = (answerTimeoutMs?: number) =>
    new GovernedRuns({
      ...{ client, taskQueue, store },
      ...(signerFor === undefined ? {} : { signerFor }),
      ...(answerTimeoutMs === undefined ? {} : { answerTimeoutMs }),
    });
  const runs = clientOf(answerTimeoutMs);
  const createWorker = async (more: Partial<WorkerOptions> = {}) =>
    Worker.create({
      connection,
      namespace,
      taskQueue,
      ...((more.workflowsPath ?? options.worker?.workflowsPath) ? {} : { workflowBundle: await governedBundle() }),
      plugins: [new GovernedRunPlugin({ ports })],
      ...options.worker,
      ...more,
    });
  const worker = idle ? null : await createWorker();
  const running = worker?.run();
  const read = async (sha256: string) => new TextDecoder().decode(await store.readObject(sha256));
  const publishedText = async (runId: string, path: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.openPublished(runId, path)) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  };
  const surroundings = { runs, client, policySha256: repository.run.policy_sha256 };
  const attach = (runId: string, executors = scriptedExecutors()): WorkedRun =>
    workedRun(surroundings, runId, executors);
  return {
    repository,
    ports,
    store,
    client,
    connection,
    runs,
    clientOf,
    keys: signing?.keys ?? null,
    taskQueue,
    createWorker,
    run: attach,
    startRun: async ({ gates = ['P00'] as const, scripts: steps = STRAIGHT, developer = 'ada', ...named } = {}) => {
      const runId = named.runId ?? `run-${randomUUID().slice(0, 13)}`;
      const executors = scriptedExecutors();
      for (const [principal, list] of Object.entries(steps)) executors.script(principal, ...list);
      scripts.set(runId, executors);
      const { run } = repository;
      await runs.start({
        runId,
        developer,
        targetRepo: run.target_repo,
        baseCommit: run.base_commit,
        gates,
        request: JSON.parse(await read(run.request_sha256)),
        policy: await store.readObject(run.policy_sha256),
        pack: JSON.parse(await read(run.pack_object_sha256)),
      });
      return attach(runId, executors);
    },
    publishedLedger: async (runId) =>
      (await publishedText(runId, 'evidence/ledger.jsonl'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as LedgerEntry),
    publishedJson: async (runId, path) => JSON.parse(await publishedText(runId, path)),
    close: async () => {
      if (worker?.getState() === 'RUNNING') worker.shutdown();
      await running;
      if (options.connections === undefined) {
        await connection.close();
        await client.connection.close();
      }
      await repository.remove();
    },
  };
}

/** Executors whose script belongs to the run that calls them, so that the runs of one worker do not mix. */
const executorsByRun = (scripts: ReadonlyMap<string, ScriptedExecutors>): GovernancePorts['executors'] => ({
  forPrincipal: (principal) => {
    const unscripted = scriptedExecutors();
    unscripted.script(principal);
    return {
      descriptor: unscripted.forPrincipal(principal).descriptor,
      execute: (call) => (scripts.get(call.run_id) ?? unscripted).forPrincipal(principal).execute(call),
    };
  },
});

/** Why the server or a worker gave a task back without a defect: new events came, or a Reset cut here. */
const HARMLESS: readonly string[] = ['UNHANDLED_COMMAND', 'RESET_WORKFLOW', 'FORCE_CLOSE_COMMAND'];

interface RunSurroundings {
  readonly runs: GovernedRuns;
  readonly client: Client;
  readonly policySha256: string;
}

function workedRun(
  { runs, client, policySha256 }: RunSurroundings,
  runId: string,
  executors: ScriptedExecutors,
): WorkedRun {
  const handle = client.workflow.getHandle(runWorkflowId(runId));
  const status = () => runs.status(runId);
  const ledger = async () => handle.query<readonly LedgerEntry[]>('ledger');
  /** A worker that is too busy to answer is asked again. */
  const statusIfAnswered = (): Promise<RunStatus | null> =>
    status().catch((error: unknown) => {
      if (error instanceof PromptOsError && error.code === 'WORKER_MISSING') return null;
      throw error;
    });
  const find = <T>(what: string, pick: (status: RunStatus) => T | undefined): Promise<T> =>
    eventually(async () => {
      const found = await statusIfAnswered();
      return found === null ? null : (pick(found) ?? null);
    }, `${what} of ${runId}`);
  const common = { run_id: runId, policy_sha256: policySha256, actor: 'grace' };
  const self: WorkedRun = {
    runId,
    handle,
    executors,
    status,
    ledger,
    types: async () => (await ledger()).map(({ type }) => type),
    awaitDecision: (gate) =>
      find(`a decision on ${gate}`, ({ awaiting }) =>
        awaiting.find((item): item is AwaitedDecision => item.kind === 'decision' && item.gate === gate),
      ),
    awaitEscalation: (id) =>
      find(`escalation ${id}`, ({ awaiting }) =>
        awaiting.find((item): item is AwaitedResolution => item.kind === 'resolution' && item.escalation_id === id),
      ),
    decision: ({ gate, attempt, request_id, output_sha256 }, parts = {}) => ({
      ...common,
      decision_id: `${request_id}-grace`,
      gate,
      attempt,
      request_id,
      output_sha256,
      choice: 'approve',
      ...parts,
    }),
    resolution: ({ escalation_id, request_id, report_sha256 }, parts) => ({
      ...common,
      decision_id: `${request_id}-grace`,
      escalation_id,
      request_id,
      report_sha256,
      choice: 'retry',
      ...parts,
    }),
    approve: async (gate, parts) => {
      const awaited = await self.awaitDecision(gate);
      return runs.decide(self.decision(awaited, parts));
    },
    resolve: async (id, parts) => {
      const awaited = await self.awaitEscalation(id);
      return runs.resolve(self.resolution(awaited, parts));
    },
    failedTasks: async () => {
      const { events } = await handle.fetchHistory();
      return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => {
        const cause = failed && WorkflowTaskFailedCause[failed.cause ?? 0];
        if (!cause || HARMLESS.some((name) => cause.endsWith(name))) return [];
        return [`${cause}: ${failed?.failure?.message ?? ''}`];
      });
    },
  };
  return self;
}
