import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import getPort, { clearLockedPorts } from 'get-port';
import { homeFolder } from '../adapters/platform/home-folder.js';
import { makeFolders } from '../adapters/platform/make-folders.js';
import { isRunning } from '../adapters/platform/process-identity.js';
import type { Variables } from '../config/environment.js';
import { clientRoute } from '../config/proxy.js';
import { PromptOsError } from '../contracts/errors.js';
import { counted } from '../contracts/sentences.js';
import { findProcess, lastLines, openLog, readRecord, recordProcess, stopProcess } from './background-process.js';
import { DATABASE_FILE, type ServerRecord, serverRecordSchema, stateFiles, withStateLock } from './state-files.js';
import { findServerBinary, RETENTION_SECONDS, SERVER_IP, SERVER_NAMESPACE, serverArguments } from './temporal-cli.js';

const READY_TIMEOUT_MS = 60_000;
/** The server closes its database within some 3 seconds. */
const STOP_GRACE_MS = 15_000;
const ATTEMPTS = 3;
const LOG_LINES = 15;

/** The server has no use for anything else, least of all for credentials or for the user's own `TEMPORAL_*`. */
const PASSED_VARIABLES = ['PATH', 'TMPDIR', 'LANG', 'TZ'];

interface StartServerInput {
  readonly stateDir: string;
  readonly binary: { readonly path: string; readonly version: string };
  readonly env: Variables;
}

type Attempt =
  | { readonly record: ServerRecord }
  | { readonly problem: string; readonly lines: readonly string[]; readonly again: boolean };

/**
 * Ports that systems do not give to outgoing connections by themselves (Linux: from 32768, macOS: from 49152), so that
 * one stays free for the server while it is stopped and its addresses stay the same.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const PORT_GUESSES = 20;

/**
 * A free port for each wish: the wished one when it is free, else another; they differ. Nothing keeps another program from
 * taking one before the caller does.
 * @throws PromptOsError SERVER_NOT_STARTED
 */
export async function choosePorts(ip: string, wishes: readonly (number | undefined)[]): Promise<readonly number[]> {
  // get-port gives no port twice within seconds, but a server that is started again wants its former ports.
  clearLockedPorts();
  const chosen: number[] = [];
  for (const wish of wishes) {
    const guesses = Array.from({ length: PORT_GUESSES }, () => randomInt(FIRST_PORT, LAST_PORT));
    const port = await getPort({
      host: ip,
      port: wish === undefined ? guesses : [wish, ...guesses],
      exclude: chosen,
    }).catch((cause: unknown) => {
      throw new PromptOsError('SERVER_NOT_STARTED', `No port on ${ip} could be listened on.`, { cause });
    });
    chosen.push(port);
  }
  return chosen;
}

async function startOnce({ stateDir, binary, env }: StartServerInput): Promise<Attempt> {
  const files = stateFiles(stateDir);
  const before = await readRecord(files.server, serverRecordSchema);
  const [port = 0, uiPort = 0] = await choosePorts(SERVER_IP, [before?.port, before?.ui_port]);
  const args = serverArguments({ version: binary.version, port, uiPort, databaseFile: DATABASE_FILE });
  const log = await openLog(files.serverLog);
  const failed = async (problem: string, again = false): Promise<Attempt> => {
    const lines = await lastLines(files.serverLog, log.offset, LOG_LINES);
    return { problem, lines, again: again && lines.some((line) => line.includes('address already in use')) };
  };

  const child = spawn(binary.path, args, {
    cwd: stateDir,
    detached: true,
    // The server needs a user name and a home folder, which the user id of a container may lack.
    env: {
      ...Object.fromEntries(PASSED_VARIABLES.map((name) => [name, env[name]])),
      USER: env.USER || 'promptos',
      HOME: homeFolder(env.HOME),
    },
    stdio: ['ignore', log.handle.fd, log.handle.fd],
  });
  const spawnError = once(child, 'error').then(([error]: Error[]) => error);
  const address = `${SERVER_IP}:${port}`;
  const record =
    child.pid === undefined
      ? null
      : recordProcess(files.server, {
          pid: child.pid,
          log: files.serverLog,
          address,
          ui_url: `http://${SERVER_IP}:${uiPort}`,
          port,
          ui_port: uiPort,
          namespace: SERVER_NAMESPACE,
          database: files.database,
          version: binary.version,
          binary: binary.path,
          arguments: args,
        });
  child.unref();
  await log.handle.close();
  if (child.pid === undefined) return failed(`${binary.path} cannot be executed: ${(await spawnError)?.message}`);
  if (record === null) return failed('The server ended at once', true);

  const alive = () => isRunning(record);
  const state = await awaitReady({ address, namespace: SERVER_NAMESPACE, alive, timeoutMs: READY_TIMEOUT_MS });
  if (state === 'ready') return { record };
  if (state === 'died') return failed('The server ended before it was ready', true);
  await stopProcess(record, STOP_GRACE_MS);
  return failed(`The server was not ready within ${READY_TIMEOUT_MS / 1_000} seconds`);
}

/**
 * Starts the embedded server in a session of its own, so that it outlives this process, on the ports that it had before
 * where they are free. The caller holds the lock.
 * @throws PromptOsError SERVER_NOT_STARTED with the last lines of the log; DISK_FULL where the server has no room
 */
async function startServer(input: StartServerInput): Promise<ServerRecord> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await startOnce(input);
    if ('record' in result) return result.record;
    if (result.again && attempt < ATTEMPTS) continue;
    const log = result.lines.map((line) => `\n  ${line}`).join('');
    const { serverLog } = stateFiles(input.stateDir);
    const { bavail, bsize } = await statfs(input.stateDir);
    const full = bavail * bsize < SERVER_NEEDS_BYTES;
    throw new PromptOsError(
      full ? 'DISK_FULL' : 'SERVER_NOT_STARTED',
      `${result.problem}. ${full ? `The disk of ${input.stateDir} has ${counted(bavail * bsize, 'byte')} left. ` : ''}${log === '' ? `Its log, ${serverLog}, is empty.` : `Its log, ${serverLog}, ends with:${log}\n`}`,
    );
  }
}

/** An empty database and its log take about 3 MiB. */
const SERVER_NEEDS_BYTES = 4 * 1_048_576;

/** Longer than a start with all its attempts may take. */
const LOCK_TIMEOUT_MS = 4 * READY_TIMEOUT_MS;

interface EnsureServerInput {
  readonly stateDir: string;
  readonly env: Variables;
  /** A Temporal CLI; else one is found or fetched, and only when the server has to be started. */
  readonly binary?: { readonly path: string; readonly version: string };
  readonly log: (line: string) => void;
}

export interface EmbeddedServer extends ServerRecord {
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
 * many, one starts it. It stays when the caller ends. After a crash the next one uses the same database.
 * @throws PromptOsError SERVER_BINARY_MISSING, SERVER_BINARY_CORRUPT, SERVER_NOT_STARTED
 */
export async function ensureServer(input: EnsureServerInput): Promise<EmbeddedServer> {
  const stateDir = resolve(input.stateDir);
  const running = await findServer(stateDir);
  if (running !== null) return { ...running, started: false };

  const binary = input.binary ?? (await findServerBinary({ env: input.env, onProgress: input.log }));
  try {
    await makeFolders(stateDir);
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
async function keepEndedRuns({ address, namespace }: Pick<ServerRecord, 'address' | 'namespace'>): Promise<void> {
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
