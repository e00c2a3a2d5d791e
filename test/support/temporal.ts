import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { openLog } from '../../src/embedded/background-process.js';
import { awaitReady, choosePorts } from '../../src/embedded/server.js';
import { findServerBinary, SERVER_IP, SERVER_NAMESPACE, serverArguments } from '../../src/embedded/temporal-cli.js';
import { startGuarded } from './guarded-server.js';
import { findTestServer } from './test-server.js';

/** A real dev server of a test's own. */
export interface TestServer {
  readonly address: string;
  readonly namespace: string;
  readonly ui_url: string;
  /** Its database's folder. */
  readonly folder: string;
  /** Ends the server and removes everything that it wrote. */
  stop(): Promise<void>;
}

const ATTEMPTS = 3;
const READY_TIMEOUT_MS = 60_000;
const note = (line: string) => process.stderr.write(`${line}\n`);

async function startOnce(
  binary: { readonly path: string; readonly version: string },
  settings: readonly string[],
): Promise<TestServer | string> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-test-server-'));
  const [port = 0, uiPort = 0] = await choosePorts(SERVER_IP, [undefined, undefined]);
  const args = [
    ...serverArguments({ version: binary.version, port, uiPort, databaseFile: 'temporal.db' }),
    ...settings,
  ];
  const logFile = `${folder}.log`;
  const log = await openLog(logFile);
  const guarded = startGuarded(folder, [binary.path, ...args], { log: log.handle.fd });
  await log.handle.close();
  const stop = async () => {
    await guarded.stop();
    await rm(logFile, { force: true });
  };
  const address = `${SERVER_IP}:${port}`;
  const { alive } = guarded;
  const state = await awaitReady({ address, namespace: SERVER_NAMESPACE, alive, timeoutMs: READY_TIMEOUT_MS });
  const ui_url = `http://${SERVER_IP}:${uiPort}`;
  if (state === 'ready') return { address, namespace: SERVER_NAMESPACE, ui_url, folder, stop };
  const text = await readFile(logFile, 'utf8').catch(() => 'there is no log');
  await stop();
  return `${state}: ${text.slice(-2_000)}`;
}

/**
 * A dev server with the settings of the embedded one, on free ports, with a database of its own.
 * @param settings more arguments for it
 */
export async function startTestServer(settings: readonly string[] = []): Promise<TestServer> {
  const binary = await findServerBinary({ env: process.env, onProgress: note });
  const problems: string[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const result = await startOnce(binary, settings);
    if (typeof result !== 'string') return result;
    problems.push(result);
  }
  throw new Error(`no test server came up:\n${problems.join('\n')}`);
}

/** Temporal's test server, whose clock jumps to the next timer; one test at a time may use it. Call `teardown()`. */
export async function startTimeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  const path = await findTestServer({ env: process.env, onProgress: note });
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
}
