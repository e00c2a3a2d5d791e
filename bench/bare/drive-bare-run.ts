import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { type NativeConnection, Worker } from '@temporalio/worker';
import type { BareActivities } from './workflow.js';

const TASK_QUEUE = 'bare';
const POLL_MS = 10;
const TIMEOUT_MS = 60_000;

const activities: BareActivities = {
  bareGate: async () => ({ verdict: 'pass', output_sha256: 'a'.repeat(64) }),
  bareFinalise: async () => ({ files: 12 }),
};

/** A worker for bare runs. It bundles `workflow` from wherever this file is, source or compiled. */
export const createBareWorker = (connection: NativeConnection): Promise<Worker> =>
  Worker.create({
    connection,
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL(`./workflow${import.meta.url.slice(-3)}`, import.meta.url)),
    activities,
  });

const MESSAGES: Readonly<Record<string, object>> = {
  approve: { gate: 'P00', decision_id: 'bare', actor: 'grace' },
  escalate: { issue: 'The request does not say it.' },
  resolveEscalation: { choice: 'continue', actor: 'grace' },
};

export interface BareRunOptions {
  /** Through which door the answers come; signals unless told otherwise. */
  readonly door?: 'signal' | 'update';
  /** Called right before each answer is sent. */
  onAnswer?(): void;
}

/** Starts one bare run and leaves it. */
export const startBareRun = (client: Client, runId: string): Promise<WorkflowHandle> =>
  client.workflow.start('bareRun', { workflowId: `promptos/bare/${runId}`, taskQueue: TASK_QUEUE, args: [runId] });

/**
 * Starts one bare run and answers it as soon as it waits, until it ends.
 * @returns the workflow's id.
 * @throws Error when the run has not ended after a minute.
 */
export async function driveBareRun(
  client: Client,
  runId: string,
  { door = 'signal', onAnswer }: BareRunOptions = {},
): Promise<string> {
  const handle = await startBareRun(client, runId);
  const { workflowId } = handle;
  const deadline = performance.now() + TIMEOUT_MS;
  // Eight signals; a query tells when the run waits and leaves nothing in history.
  for (let sent = 0; sent < 8; ) {
    if (performance.now() > deadline) throw new Error(`${workflowId} did not ask for its answer ${sent + 1}`);
    const signal = await handle.query<string | null>('awaited');
    if (signal === null) {
      await setTimeout(POLL_MS);
      continue;
    }
    onAnswer?.();
    if (door === 'signal') await handle.signal(signal, MESSAGES[signal]);
    else await handle.executeUpdate('answer', { args: [signal] });
    sent += 1;
  }
  await handle.result();
  return workflowId;
}
