import { join } from 'node:path';
import { z } from 'zod';
import { withLock } from '../adapters/platform/lock.js';
import { PromptOsError } from '../contracts/errors.js';
import { backgroundProcessSchema } from './background-process.js';

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
