import { createWriteStream } from 'node:fs';
import { NativeConnection } from '@temporalio/worker';
import { workerRoute } from '../config/temporal-proxy.js';
import { PromptOsError } from '../contracts/errors.js';
import { bridgeTemporalLog, createGovernanceWorkers, createLog, type WorkerSetting } from '../worker.js';
import type { TemporalAddress } from './connect.js';

/** Workers of this process, at work. */
export interface HostedWorkers {
  readonly taskQueues: readonly string[];
  /** Rejects when a worker breaks; resolves after `stop`. */
  readonly finished: Promise<void>;
  stop(): Promise<void>;
}

export interface HostOptions {
  readonly logLevel: string;
  /** A file, or standard error when absent. */
  readonly logFile?: string;
}

/**
 * Starts the workers of a setting in this process. Once in a process: the log goes through Temporal's one runtime.
 * @throws PromptOsError TEMPORAL_UNREACHABLE
 */
export async function hostWorkers(
  setting: WorkerSetting,
  { connectionOptions, namespace, proxy }: Pick<TemporalAddress, 'connectionOptions' | 'namespace' | 'proxy'>,
  { logLevel, logFile }: HostOptions,
): Promise<HostedWorkers> {
  bridgeTemporalLog(
    createLog(logLevel, logFile === undefined ? process.stderr : createWriteStream(logFile, { flags: 'a' })),
  );
  const connection = await NativeConnection.connect({ ...connectionOptions, ...workerRoute(proxy) }).catch(
    (cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PromptOsError(
        'TEMPORAL_UNREACHABLE',
        `Temporal at ${connectionOptions.address} does not answer: ${why}.`,
        {
          cause,
        },
      );
    },
  );
  const workers = await createGovernanceWorkers(setting, { connection, namespace }).catch(async (error: unknown) => {
    // An open connection keeps the process alive, and nobody would learn that there is no worker.
    await connection.close().catch(() => undefined);
    throw error;
  });
  const finished = workers.run().finally(() => connection.close());
  finished.catch(() => undefined); // whoever awaits it is told; nobody has to
  return {
    taskQueues: workers.taskQueues,
    finished,
    stop: async () => {
      workers.shutdown();
      await finished;
    },
  };
}
