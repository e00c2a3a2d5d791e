import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { withLock } from '../adapters/platform/lock.js';
import { PromptOsError } from '../contracts/errors.js';
import { backgroundProcessSchema, findProcess, readRecord, recordProcess, stopProcess } from './background-process.js';

/**
 * Runs the action while no other process, nor another call here, runs one under the same lock.
 * @param timeoutMs milliseconds to wait
 * @throws PromptOsError SERVER_NOT_STARTED when the wait is over
 */
export const withStateLock = <T>(lock: string, timeoutMs: number, action: () => Promise<T>): Promise<T> => {
  const onTimeout = () =>
    new PromptOsError('SERVER_NOT_STARTED', `Another command has held ${lock} for ${timeoutMs / 1_000} seconds.`, {
      hint: 'Wait until it is done, or end it.',
    });
  return withLock(lock, { timeoutMs, onTimeout }, action);
};

/** The SQLite database of the server. */
export const DATABASE_FILE = 'temporal.db';

/** Where everything of the embedded mode's processes is in a state folder. */
export const stateFiles = (stateDir: string) => ({
  server: join(stateDir, 'server.json'),
  serverLog: join(stateDir, 'server.log'),
  serverLock: join(stateDir, 'server.lock'),
  database: join(stateDir, DATABASE_FILE),
  worker: join(stateDir, 'worker.json'),
  workerLog: join(stateDir, 'worker.log'),
  workerLock: join(stateDir, 'worker.lock'),
});

/** `server.json`: the embedded server as it was last started. It stays when the server ends, so that its ports are used again. */
export const serverRecordSchema = backgroundProcessSchema.extend({
  address: z.string().min(1),
  ui_url: z.url(),
  port: z.int().positive(),
  ui_port: z.int().positive(),
  namespace: z.string().min(1),
  database: z.string().min(1),
  version: z.string().min(1),
  binary: z.string().min(1),
  arguments: z.array(z.string()),
});
export type ServerRecord = z.infer<typeof serverRecordSchema>;

/** Time for the worker to hand its gates back; a gate that is cut off is tried again by the next worker. */
const STOP_GRACE_MS = 20_000;
/** Longer than a start of a worker may take, ready or not. */
export const WORKER_LOCK_TIMEOUT_MS = 120_000;

/** What a worker in the background serves, so that a restart serves the same. */
const servedSchema = z.object({
  /** Absolute path; null when the project has no worker config. */
  worker_config: z.string().nullable().default(null),
  repositories: z.record(z.string(), z.string()).default({}),
});
export type ServedByWorker = z.infer<typeof servedSchema>;

/** `worker.json`: the worker in the background as it was last started. */
const workerRecordSchema = backgroundProcessSchema.extend(servedSchema.shape);
export type WorkerRecord = z.infer<typeof workerRecordSchema>;

/**
 * Writes down the worker that was left running in the background of a state folder.
 * @returns null when it has ended already.
 */
export const recordWorker = (stateDir: string, pid: number, served: ServedByWorker): WorkerRecord | null =>
  recordProcess(stateFiles(resolve(stateDir)).worker, { pid, log: stateFiles(resolve(stateDir)).workerLog, ...served });

/** The worker in the background, or null. */
export const findWorker = (stateDir: string): Promise<WorkerRecord | null> =>
  findProcess(stateFiles(resolve(stateDir)).worker, workerRecordSchema);

/** What the worker in the background serves, or served before it ended without being stopped; null for none. */
export const lastServed = (stateDir: string): Promise<ServedByWorker | null> =>
  readRecord(stateFiles(resolve(stateDir)).worker, servedSchema);

/**
 * Ends the worker in the background, also one that another command is starting, and keeps others from being started while
 * the action runs.
 * @param action is given the worker that was ended, or null when none ran
 * @throws PromptOsError PROCESS_NOT_STOPPED; SERVER_NOT_STARTED while another command holds the lock
 */
export async function withoutWorker<T>(
  stateDir: string,
  action: (ended: WorkerRecord | null) => Promise<T>,
): Promise<T> {
  const files = stateFiles(resolve(stateDir));
  // Without the lock: a command that waits for this worker to become ready sees that it ended, and gives the lock up.
  const early = await endWorker(stateDir);
  // Where nothing ever ran, looking leaves no trace.
  if (!existsSync(resolve(stateDir))) return action(early);
  return withStateLock(files.workerLock, WORKER_LOCK_TIMEOUT_MS, async () => {
    // A start records its worker under the lock, so from here on none is missed, and no record of another one is removed.
    const ended = (await endWorker(stateDir)) ?? early;
    await rm(files.worker, { force: true });
    return action(ended);
  });
}

async function endWorker(stateDir: string): Promise<WorkerRecord | null> {
  const worker = await findWorker(stateDir);
  return worker !== null && (await stopProcess(worker, STOP_GRACE_MS)) !== 'gone' ? worker : null;
}
