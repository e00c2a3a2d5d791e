import { join } from 'node:path';
import process from 'node:process';
import { Client, Connection } from '@temporalio/client';
import type { GovernedRuns } from '../../src/client/client.js';
import { ensureServer, stopServer } from '../../src/embedded/server.js';
import { withoutWorker } from '../../src/embedded/state-files.js';
import type { Contender } from '../contender.js';
import { PROBE_FILE } from '../gate-probe.js';
import { PROMPTOS } from '../package-root.js';
import { startProcess } from '../processes.js';
import { governedContender, openGovernedRuns } from './governed-runs.js';
import { type BenchRepository, type BenchRepositoryOptions, createBenchRepository } from './repository.js';

/** A repository with its embedded server, a client of it, and governed runs with a worker of their own. */
export interface Site {
  readonly repository: BenchRepository;
  readonly server: { readonly address: string; readonly namespace: string; readonly pid: number };
  readonly client: Client;
  readonly runs: GovernedRuns;
  readonly governed: Contender;
}

export interface SiteOptions extends BenchRepositoryOptions {
  /** A folder for CPU profiles of the worker. */
  readonly profile?: string | undefined;
  /** Has the worker measure each gate (`bench/gate-probe.ts`). */
  readonly probe?: boolean;
}

const GATE_PROBE = new URL('../load-gate-probe.js', import.meta.url).href;

/** Where the worker of a site writes what each gate took. */
export const probedFile = ({ stateDir }: BenchRepository): string => join(stateDir, 'gates.jsonl');

/** Ends everything that commands started in the background. */
export async function stopBackground({ stateDir }: BenchRepository): Promise<void> {
  await withoutWorker(stateDir, () => stopServer(stateDir));
}

/** Measures in a repository of its own, and removes all of it. */
export async function inRepository<T>(
  options: BenchRepositoryOptions,
  measure: (repository: BenchRepository) => Promise<T>,
): Promise<T> {
  const repository = await createBenchRepository(options);
  try {
    return await measure(repository);
  } finally {
    await stopBackground(repository);
    await repository.remove();
  }
}

/** Measures with an embedded server and a worker in a repository of their own, and removes all of it. */
export const atSite = <T>(
  { profile, probe, ...options }: SiteOptions,
  measure: (site: Site) => Promise<T>,
): Promise<T> =>
  inRepository(options, async (repository) => {
    const { stateDir } = repository;
    // Started here, so that it is no descendant of the worker that is measured.
    const server = await ensureServer({ stateDir, env: process.env, log: () => undefined });
    const connection = await Connection.connect({ address: server.address });
    const client = new Client({ connection, namespace: server.namespace });
    const runs = openGovernedRuns(client, repository);
    const startWorker = () =>
      startProcess([PROMPTOS, 'worker', '--start-server', '--json'], (line) => line.includes('"ready"'), {
        cwd: repository.folder,
        env: { ...process.env, PROMPTOS_LOG_LEVEL: 'error', [PROBE_FILE]: probedFile(repository) },
        profile,
        preload: probe === true ? GATE_PROBE : undefined,
      });
    let worker = await startWorker();
    const governed: Contender = {
      ...governedContender(client, runs, repository),
      worker: () => worker,
      restartWorker: async () => {
        worker = await startWorker();
      },
    };
    try {
      return await measure({ repository, server, client, runs, governed });
    } finally {
      await worker.stop();
      await connection.close();
    }
  });
