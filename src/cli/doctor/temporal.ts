import { stat } from 'node:fs/promises';
import type { Connection } from '@temporalio/client';
import type { TemporalConnection, Variables } from '../../config/environment.js';
import { clientRoute, temporalProxy } from '../../config/temporal-proxy.js';
import { PromptOsError } from '../../contracts/errors.js';
import { cachedToolPath } from '../../embedded/fetch-tool.js';
import { findServerBinary, readCliVersion } from '../../embedded/find-binary.js';
import { findServer } from '../../embedded/server.js';
import { TEMPORAL_CLI } from '../../embedded/tool-pins.js';
import { countPollers } from '../run-queues.js';
import type { TemporalProbes } from './machine-probes.js';
import { findProgram } from './programs.js';

const CONNECT_TIMEOUT_MS = 5_000;

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Asks a server that somebody named. @throws PromptOsError TEMPORAL_UNREACHABLE */
async function ask<T>(
  variables: Variables,
  { connectionOptions, namespace = 'default' }: TemporalConnection,
  question: (connection: Connection, namespace: string) => Promise<T>,
): Promise<T> {
  const { Connection } = await import('@temporalio/client');
  const address = connectionOptions.address ?? 'localhost:7233';
  const route = clientRoute(address, temporalProxy(variables, address));
  try {
    const connection = await Connection.connect({ ...connectionOptions, ...route, connectTimeout: CONNECT_TIMEOUT_MS });
    try {
      const deadline = Date.now() + CONNECT_TIMEOUT_MS;
      return await connection.withDeadline(deadline, () => question(connection, namespace));
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw new PromptOsError(
      'TEMPORAL_UNREACHABLE',
      `${address}, namespace ${namespace}: ${error instanceof Error ? error.message : String(error)}.`,
      {
        cause: error,
        hint: 'Check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or unset them to use the embedded server.',
      },
    );
  }
}

/** Looks at the real thing, and fetches nothing. */
export const temporalProbes = (env: Variables): TemporalProbes => ({
  findBinary: async () => {
    if (!env.TEMPORAL_CLI_PATH && !(await isThere(cachedToolPath(TEMPORAL_CLI, env)))) {
      const installed = await findProgram(TEMPORAL_CLI.executable, env.PATH);
      // Without a usable one on PATH the search would go on to a download.
      if (installed === null || !('version' in (await readCliVersion(installed)))) return null;
    }
    return findServerBinary({ env });
  },
  findServer,
  reach: async (named) => {
    await ask(env, named, (connection, namespace) => connection.workflowService.describeNamespace({ namespace }));
  },
  pollers: (named, queue) => ask(env, named, (connection, namespace) => countPollers(connection, namespace, queue)),
});
