import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { GovernedRuns } from '../../src/client/client.js';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import { DEFAULT_TASK_QUEUE } from '../../src/contracts/names.js';
import { findServer, stopServer } from '../../src/embedded/server.js';
import { withoutWorker } from '../../src/embedded/worker-process.js';
import type { BenchRepository } from './bench-repository.js';
import type { GovernedBench } from './drive-governed-run.js';

/** A client of the embedded server that runs for the repository. */
export interface OpenBench extends GovernedBench {
  readonly address: string;
  close(): Promise<void>;
}

/** A worker that puts 50 MB away on a busy machine answers late. */
const ANSWER_TIMEOUT_MS = 60_000;

/** @throws Error when no server runs there */
export async function openBench(repository: BenchRepository): Promise<OpenBench> {
  const server = await findServer(repository.stateDir);
  if (server === null) throw new Error('expected an embedded server to run');
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace });
  const store = createFileSystemStore(join(repository.stateDir, 'artifacts'));
  const { signerFor } = repository;
  const runs = new GovernedRuns({
    client,
    taskQueue: DEFAULT_TASK_QUEUE,
    store,
    signerFor,
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
  });
  return { address: server.address, client, runs, repository, close: () => connection.close() };
}

/** Ends everything that the commands left in the background. */
export async function stopBackground({ stateDir }: BenchRepository): Promise<void> {
  await withoutWorker(stateDir, () => stopServer(stateDir));
}
