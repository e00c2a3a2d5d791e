import { join } from 'node:path';
import { z } from 'zod';
import { backgroundProcessSchema } from './background-process.js';

/** The SQLite database of the server. */
export const DATABASE_FILE = 'temporal.db';

/** Where everything of the embedded mode's processes lies in a state folder. */
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
