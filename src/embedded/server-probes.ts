import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { clientRoute } from '../config/proxy.js';
import { RETENTION_SECONDS } from './settings.js';
import type { ServerRecord } from './state-files.js';

/** Whether a program accepts connections at `host:port`. */
export function acceptsConnections(address: string, timeoutMs = 1_000): Promise<boolean> {
  const separator = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, separator), port: Number(address.slice(separator + 1)) });
  socket.setTimeout(timeoutMs);
  return new Promise((resolve) => {
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}

const POLL_MS = 50;
const ATTEMPT_TIMEOUT_MS = 2_000;
const FRONTEND = 'temporal.api.workflowservice.v1.WorkflowService';

interface AwaitReadyInput {
  readonly address: string;
  readonly namespace: string;
  readonly alive: () => boolean;
  readonly timeoutMs: number;
}

/** `SERVING` of grpc.health.v1.HealthCheckResponse. */
const SERVING = 1;

async function isServing(connection: Connection, namespace: string): Promise<boolean> {
  const { status } = await connection.healthService.check({ service: FRONTEND });
  if (status !== SERVING) return false;
  await connection.workflowService.describeNamespace({ namespace });
  return true;
}

/**
 * Waits until the frontend says that it is serving (gRPC Health Checking Protocol) and has the namespace, which the dev
 * server makes a moment later.
 * @returns `died` as soon as the process has ended.
 */
export async function awaitReady(input: AwaitReadyInput): Promise<'ready' | 'died' | 'timeout'> {
  const { Connection } = await import('@temporalio/client');
  const deadline = performance.now() + input.timeoutMs;
  while (performance.now() < deadline) {
    if (!input.alive()) return 'died';
    let connection: Connection | undefined;
    try {
      connection = await Connection.connect({
        ...clientRoute(input.address, null),
        connectTimeout: ATTEMPT_TIMEOUT_MS,
      });
      const open = connection;
      const attempt = () => isServing(open, input.namespace);
      if (await open.withDeadline(Date.now() + ATTEMPT_TIMEOUT_MS, attempt)) return 'ready';
    } catch {
      // Not yet: the reason, if it stays, is in the server's log.
    } finally {
      await connection?.close();
    }
    await delay(POLL_MS);
  }
  return 'timeout';
}

/** Milliseconds for the change of the namespace. */
const CHANGE_TIMEOUT_MS = 10_000;

/**
 * Has the server keep ended runs for `RETENTION_SECONDS`; `start-dev` has no flag for it. A server that refuses works
 * all the same, so that is no error.
 */
export async function keepEndedRuns({
  address,
  namespace,
}: Pick<ServerRecord, 'address' | 'namespace'>): Promise<void> {
  const [{ Connection }, { msToTs }] = await Promise.all([
    import('@temporalio/client'),
    import('@temporalio/common/lib/time.js'),
  ]);
  const connection = await Connection.connect({
    ...clientRoute(address, null),
    connectTimeout: CHANGE_TIMEOUT_MS,
  }).catch(() => null);
  if (connection === null) return;
  const config = { workflowExecutionRetentionTtl: msToTs(RETENTION_SECONDS * 1_000) };
  try {
    await connection.withDeadline(Date.now() + CHANGE_TIMEOUT_MS, () =>
      connection.workflowService.updateNamespace({ namespace, config }),
    );
  } catch {
    // Refused: the server keeps ended runs for its own default time.
  } finally {
    await connection.close();
  }
}
