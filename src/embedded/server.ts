import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isRunning } from '../adapters/platform/process-identity.js';
import type { Variables } from '../config/environment.js';
import { PromptOsError } from '../contracts/errors.js';
import { findProcess, stopProcess } from './background-process.js';
import { findServerBinary } from './find-binary.js';
import { acceptsConnections, awaitReady, keepEndedRuns } from './server-probes.js';
import { READY_TIMEOUT_MS, startServer } from './start-server.js';
import { type ServerRecord, serverRecordSchema, stateFiles, withStateLock } from './state-files.js';

/** Longer than a start with all its attempts may take. */
const LOCK_TIMEOUT_MS = 4 * READY_TIMEOUT_MS;
/** The server closes its database within some 3 seconds. */
const STOP_GRACE_MS = 15_000;

export interface EnsureServerInput {
  readonly stateDir: string;
  readonly env: Variables;
  /** A Temporal CLI; else one is found or fetched, and only when the server has to be started. */
  readonly binary?: { readonly path: string; readonly version: string };
  /** Prints a line for a person: what is fetched, what is started. */
  readonly log: (line: string) => void;
}

export interface EmbeddedServer extends ServerRecord {
  /** Whether this call started it. */
  readonly started: boolean;
}

/** The embedded server of a state folder when it runs and accepts connections, else null. */
export async function findServer(stateDir: string): Promise<ServerRecord | null> {
  const record = await findProcess(stateFiles(resolve(stateDir)).server, serverRecordSchema);
  return record !== null && (await acceptsConnections(record.address)) ? record : null;
}

/** A server that runs but accepts no connections is still being started, or it hangs and must be ended. */
async function reviveServer(stateDir: string): Promise<ServerRecord | null> {
  const record = await findProcess(stateFiles(stateDir).server, serverRecordSchema);
  if (record === null) return null;
  const { address, namespace } = record;
  const alive = () => isRunning(record);
  if ((await awaitReady({ address, namespace, alive, timeoutMs: READY_TIMEOUT_MS })) === 'ready') return record;
  await stopProcess(record, STOP_GRACE_MS);
  return null;
}

/**
 * The embedded server of a state folder, started when it does not run; of several callers at once, in one process or in
 * many, one starts it. It stays when the caller ends. After a crash it goes on with the same database.
 * @throws PromptOsError SERVER_BINARY_MISSING, SERVER_BINARY_CORRUPT, SERVER_NOT_STARTED
 */
export async function ensureServer(input: EnsureServerInput): Promise<EmbeddedServer> {
  const stateDir = resolve(input.stateDir);
  const running = await findServer(stateDir);
  if (running !== null) return { ...running, started: false };

  const binary = input.binary ?? (await findServerBinary({ env: input.env, onProgress: input.log }));
  try {
    await mkdir(stateDir, { recursive: true });
    return await withStateLock(stateFiles(stateDir).serverLock, LOCK_TIMEOUT_MS, async () => {
      const revived = await reviveServer(stateDir);
      if (revived === null) input.log(`Starting the Temporal dev server ${binary.version} …`);
      const record = revived ?? (await startServer({ stateDir, binary, env: input.env }));
      await keepEndedRuns(record);
      return { ...record, started: revived === null };
    });
  } catch (error) {
    if (error instanceof PromptOsError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    const summary = `The state folder ${stateDir} cannot be used: ${(error as Error).message}.`;
    throw new PromptOsError('SERVER_NOT_STARTED', summary, {
      cause: error,
      hint: 'Check its permissions and the free space, or name another with PROMPTOS_HOME.',
    });
  }
}

/**
 * Ends the embedded server of a state folder; its database stays.
 * @returns the server that was ended, or null when none ran.
 * @throws PromptOsError PROCESS_NOT_STOPPED; SERVER_NOT_STARTED while another command holds the lock
 */
export async function stopServer(stateDir: string): Promise<ServerRecord | null> {
  const files = stateFiles(resolve(stateDir));
  if ((await findProcess(files.server, serverRecordSchema)) === null) return null;
  return withStateLock(files.serverLock, LOCK_TIMEOUT_MS, async () => {
    const record = await findProcess(files.server, serverRecordSchema);
    return record !== null && (await stopProcess(record, STOP_GRACE_MS)) !== 'gone' ? record : null;
  });
}
