import { join } from 'node:path';
import {
  DefaultLogger,
  type LogEntry,
  makeTelemetryFilterString,
  type NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import { createCheckCaches } from './adapters/checks/check-caches.js';
import { createCheckRunner } from './adapters/checks/check-runner.js';
import { createKeptBaselines } from './adapters/checks/kept-baselines.js';
import { createSetupRunner } from './adapters/checks/setup-runner.js';
import { createExecutorRegistry } from './adapters/executor/command-executor.js';
import { resolveExecutor } from './adapters/executor/presets/presets.js';
import { createWorkerSigners } from './adapters/keys/worker-signers.js';
import { openWorkerStore } from './adapters/open-store.js';
import { createLauncher, type Launcher } from './adapters/platform/launcher.js';
import { type Environment, passVariables } from './adapters/platform/pass-variables.js';
import type { ProgramStarter } from './adapters/platform/program-starter.js';
import { createNetworkOpener } from './adapters/sandbox/network/open-network.js';
import { openWorkerSandbox } from './adapters/sandbox/worker-sandbox.js';
import { createSecretScanners } from './adapters/secrets/secret-scanners.js';
import { createGitWorkspace } from './adapters/workspace/git-workspace.js';
import { createTrustRegistry } from './config/policy-file.js';
import { proxyFor, withDirectLoopback } from './config/proxy.js';
import { keysFolder } from './config/user-folders.js';
import { isStarted } from './contracts/config/executor-config.js';
import type { WorkerConfig } from './contracts/config/worker-config.js';
import { type ExecutorRole, engineTaskQueue, roleTaskQueue } from './contracts/names.js';
import { GovernedRunPlugin } from './plugin/plugin.js';
import { prebuiltBundle } from './plugin/workflow-bundle.js';
import type { GovernancePorts } from './ports/index.js';

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** A logger that writes JSON Lines to a stream or file descriptor. Errors have the key `error`, as in Temporal's own logs. */
export const createLog = (level: string, destination: { write(line: string): void }): Logger =>
  pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: pino.stdSerializers.err } },
    destination,
  );

/**
 * Sends everything that workers and workflows log to `log`. Call it once in a process, before the first connection:
 * Temporal's runtime is a singleton.
 */
export function bridgeTemporalLog(log: Logger): void {
  Runtime.install({
    logger: new DefaultLogger('TRACE', ({ level, message, meta }: LogEntry) => {
      log[PINO_LEVELS[level]](meta ?? {}, message);
    }),
    // Without `forward` the native core prints lines of its own to standard error.
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) } },
    // The command line decides itself what a signal means.
    shutdownSignals: [],
  });
}

export interface WorkerSetting {
  /** As `readWorkerConfig` gives it: paths are absolute. */
  readonly config: WorkerConfig;
  /** The folder of the worker config: arguments of executors that begin with `./` are relative to it. */
  readonly configDir: string;
  /** Where the worker keeps mirrors of repositories, and artifacts unless the config says otherwise. */
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The grace period of a stop: activities may finish within it, so a caller may wait this long for the worker's end. */
const SHUTDOWN_GRACE = '5 seconds';

/**
 * The executors of a worker config, and the sandbox that they run in.
 * @throws PromptOsError SANDBOX_UNAVAILABLE
 */
export async function openExecutors(setting: WorkerSetting, programs: ProgramStarter) {
  const { config, configDir, stateDir, env } = setting;
  const openNetwork = createNetworkOpener({ proxyFor: (protocol, host, port) => proxyFor(env, protocol, host, port) });
  const sandbox = await openWorkerSandbox({ ...setting, secret: keysOfPeople(env) }, programs, openNetwork);
  const scratchRoot = join(stateDir, 'scratch');
  return {
    sandbox,
    executors: createExecutorRegistry(config.executors, { env, configDir, scratchRoot, programs: sandbox }),
  };
}

/**
 * The world as a worker config describes it; its keys are opened now, a store on a server is reached, and the sandbox is tried.
 * @param programs what starts scanners, git and the sandboxes of executors and checks
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE, KEY_LOCKED, AGENT_FAILED, STORE_NOT_READABLE, STORE_NOT_WRITABLE,
 * SANDBOX_UNAVAILABLE
 */
export const createPorts = async (setting: WorkerSetting, programs: ProgramStarter): Promise<GovernancePorts> => {
  const { config, stateDir, env } = setting;
  const caches = createCheckCaches(join(stateDir, 'check-caches'));
  const { sandbox, executors } = await openExecutors(setting, programs);
  return {
    store: await openWorkerStore(setting),
    workspace: createGitWorkspace({
      repositories: config.repositories,
      stateDir,
      env: withDirectLoopback(env),
      programs: sandbox,
    }),
    executors,
    checks: createCheckRunner({
      allow: config.checks.allow,
      passed: config.checks.env,
      network: config.checks.network,
      env,
      caches,
      programs: sandbox,
    }),
    setup: createSetupRunner({
      allow: config.setup.allow,
      passed: config.setup.env,
      network: config.setup.network,
      env,
      caches,
      programs: sandbox,
    }),
    baselines: createKeptBaselines(join(stateDir, 'baselines')),
    secrets: createSecretScanners({ path: env.PATH, programs, passed: passedEnvironments(setting) }),
    trust: createTrustRegistry(config),
    signers: await createWorkerSigners(config, env),
    ...(config.prices === undefined ? {} : { prices: config.prices }),
  };
};

/** What of the worker's environment programs are given, with what the worker config sets. */
function passedEnvironments({ config, env }: WorkerSetting): readonly Environment[] {
  const executors = Object.values(config.executors).flatMap((executor) =>
    isStarted(executor) ? [resolveExecutor(executor, 'none').env] : [],
  );
  return [...executors, config.checks.env, config.setup.env].map(({ allow, set }) => ({
    ...passVariables(env, allow),
    ...set,
  }));
}

/** With a person's key a program could decide in that person's name. A user without a home folder has none. */
function keysOfPeople(env: WorkerSetting['env']): readonly string[] {
  try {
    return [keysFolder(env)];
  } catch {
    return [];
  }
}

/** The Temporal that workers serve, and the workflows that they load. */
export interface WorkerSurroundings {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** A bundle that was made beforehand; without it the build's own, or one made now. */
  readonly workflowBundle?: WorkflowBundleOption;
}

/** The workers of one process: the engine's and those of the roles that it serves. */
export interface GovernanceWorkers {
  readonly taskQueues: readonly string[];
  /** Resolves when all have shut down; rejects, and stops the others, when one breaks. */
  run(): Promise<void>;
  /** Lets what runs be cancelled and stops. */
  shutdown(): void;
}

/**
 * Workers for everything that the config says this process does, over one connection. The plugin is used as any team
 * would use it: nothing here is hidden from them.
 */
export async function createGovernanceWorkers(
  setting: WorkerSetting,
  surroundings: WorkerSurroundings,
): Promise<GovernanceWorkers> {
  // Small, and forks in a millisecond; this process takes twenty.
  const launcher = createLauncher(setting.env.PATH);
  try {
    return await createWorkers(setting, launcher, surroundings);
  } catch (error) {
    await launcher.close();
    throw error;
  }
}

async function createWorkers(
  setting: WorkerSetting,
  launcher: Launcher,
  { connection, namespace, workflowBundle = prebuiltBundle() }: WorkerSurroundings,
): Promise<GovernanceWorkers> {
  const ports = await createPorts(setting, launcher);
  const engineQueue = engineTaskQueue(setting.config);
  const common = { connection, namespace, shutdownGraceTime: SHUTDOWN_GRACE } satisfies Partial<WorkerOptions>;
  const workers: Worker[] = [];
  const taskQueues: string[] = [];
  const add = async (taskQueue: string, options: Partial<WorkerOptions>) => {
    workers.push(await Worker.create({ ...common, taskQueue, ...options }));
    taskQueues.push(taskQueue);
  };
  for (const role of setting.config.roles) {
    if (role === 'engine') {
      const plugins = [new GovernedRunPlugin({ ports, serve: 'engine' })];
      await add(engineQueue, { plugins, ...(workflowBundle === undefined ? {} : { workflowBundle }) });
    } else {
      await add(roleTaskQueue(engineQueue, role satisfies ExecutorRole), {
        plugins: [new GovernedRunPlugin({ ports, serve: 'role' })],
      });
    }
  }
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    taskQueues,
    shutdown,
    run: async () => {
      const running = workers.map((worker) => worker.run());
      await Promise.all(running).finally(async () => {
        shutdown();
        await Promise.allSettled(running);
        await launcher.close();
      });
    },
  };
}
