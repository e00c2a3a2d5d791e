import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { clientRoute } from '../config/temporal-proxy.js';

const POLL_MS = 50;
const ATTEMPT_TIMEOUT_MS = 2_000;
const FRONTEND = 'temporal.api.workflowservice.v1.WorkflowService';

export interface AwaitReadyInput {
  readonly address: string;
  readonly namespace: string;
  /** Whether the server's process still runs. */
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
