import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRunning } from '../../src/adapters/platform/process-identity.js';
import { type EmbeddedServer, ensureServer, findServer, stopServer } from '../../src/embedded/server.js';
import { stateFiles } from '../../src/embedded/state-files.js';
import { findServerBinary, type ServerBinary } from '../../src/embedded/temporal-cli.js';
import { spawnTypeScript } from '../support/typescript-child.js';

let binary: ServerBinary;
let root: string;
const stateDirs: string[] = [];
const log = () => {};

/** A name that a shell, a URL and SQLite's own URL would each mangle. */
function newStateDir(): string {
  const stateDir = join(root, `state #${stateDirs.length} ?mode=memory %20 ü`);
  stateDirs.push(stateDir);
  return stateDir;
}

const ensure = (stateDir: string) => ensureServer({ stateDir, binary, env: process.env, log });

beforeAll(async () => {
  binary = await findServerBinary({ env: process.env });
  root = await mkdtemp(join(tmpdir(), 'promptos-embedded-'));
});
afterAll(async () => {
  await Promise.all(stateDirs.map((stateDir) => stopServer(stateDir)));
  await rm(root, { recursive: true, force: true });
});

async function withConnection<T>(address: string, action: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await action(connection);
  } finally {
    await connection.close();
  }
}

const startWorkflow = ({ address, namespace }: EmbeddedServer, workflowId: string) =>
  withConnection(address, ({ workflowService }) =>
    workflowService.startWorkflowExecution({
      namespace,
      workflowId,
      requestId: workflowId,
      workflowType: { name: 'none' },
      taskQueue: { name: 'none' },
    }),
  );

const describeWorkflow = ({ address, namespace }: EmbeddedServer, workflowId: string) =>
  withConnection(address, ({ workflowService }) =>
    workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
  );

test('embedded server: started once, found again, goes on after kill -9 with its data on its ports, then stopped', async () => {
  const stateDir = newStateDir();
  expect(await findServer(stateDir)).toBeNull();
  const first = await ensure(stateDir);
  expect(first).toMatchObject({ started: true, namespace: 'default', version: binary.version });
  expect(first.address).toMatch(/^127\.0\.0\.1:\d+$/);
  expect((await fetch(first.ui_url)).status).toBe(200);
  await startWorkflow(first, 'kept');

  const again = await ensure(stateDir);
  expect(again).toEqual({ ...first, started: false });
  expect(await findServer(stateDir)).toMatchObject({ pid: first.pid });

  process.kill(first.pid, 'SIGKILL');
  await expect.poll(() => isRunning(first)).toBe(false);
  expect(await findServer(stateDir)).toBeNull();

  const restarted = await ensure(stateDir);
  expect(restarted).toMatchObject({ started: true, address: first.address, ui_url: first.ui_url });
  expect(restarted.pid).not.toBe(first.pid);
  const { workflowExecutionInfo } = await describeWorkflow(restarted, 'kept');
  expect(workflowExecutionInfo?.execution?.workflowId).toBe('kept');

  expect(await stopServer(stateDir)).toMatchObject({ pid: restarted.pid });
  expect(isRunning(restarted)).toBe(false);
  expect(await stopServer(stateDir)).toBeNull();
});

test('embedded server: runs with its settings in force, and keeps ended runs for 30 days', async () => {
  const server = await ensure(newStateDir());
  expect(server.arguments).toEqual(
    expect.arrayContaining([
      'journal_mode=wal',
      'synchronous=full',
      'history.transferProcessorMaxPollRPS=1000',
      '127.0.0.1',
    ]),
  );
  const { config } = await withConnection(server.address, ({ workflowService }) =>
    workflowService.describeNamespace({ namespace: 'default' }),
  );
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3_600);
  // SQLite file format, header bytes 18 and 19: 2 for a write-ahead log.
  expect((await readFile(server.database)).subarray(18, 20)).toEqual(Buffer.from([2, 2]));
});

test('ensureServer: four callers at once start one server', async () => {
  const stateDir = newStateDir();
  const servers = await Promise.all([1, 2, 3, 4].map(() => ensure(stateDir)));
  expect(servers.filter(({ started }) => started)).toHaveLength(1);
  expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
});

test('ensureServer: another port when the former one is taken', async () => {
  const stateDir = newStateDir();
  const first = await ensure(stateDir);
  await stopServer(stateDir);
  const occupant = createServer().listen(first.port, '127.0.0.1');
  await once(occupant, 'listening');
  const second = await ensure(stateDir);
  expect(second.port).not.toBe(first.port);
  expect(second.ui_url).toBe(first.ui_url);
  occupant.close();
});

test('ensureServer: SERVER_NOT_STARTED shows the last log lines and the log, when the server ends at once', async () => {
  const stateDir = newStateDir();
  const failing = join(root, 'failing');
  await writeFile(failing, '#!/bin/sh\necho "disk quota of the moon exceeded" >&2\nexit 1\n', { mode: 0o755 });
  const failure = ensureServer({ stateDir, binary: { path: failing, version: '1.9.1' }, env: process.env, log });
  await expect(failure).rejects.toMatchObject({ code: 'SERVER_NOT_STARTED' });
  await expect(failure).rejects.toThrow('disk quota of the moon exceeded');
  await expect(failure).rejects.toThrow(stateFiles(stateDir).serverLog);
  expect(await findServer(stateDir)).toBeNull();
});

test('ensureServer: a server gets a user name and a home folder, also where its user has neither', async () => {
  const stateDir = newStateDir();
  const path = join(root, 'prints-environment');
  await writeFile(path, '#!/bin/sh\necho "USER=$USER HOME=$HOME"\nexit 1\n', { mode: 0o755 });
  const started = ensureServer({ stateDir, binary: { ...binary, path }, env: { PATH: process.env.PATH }, log });
  await expect(started).rejects.toMatchObject({
    code: 'SERVER_NOT_STARTED',
    message: expect.stringMatching(/USER=promptos HOME=\/./),
  });
});

test('ensureServer: SERVER_NOT_STARTED for a missing binary, and for a state folder that cannot be made', async () => {
  const gone = { path: join(root, 'not-there'), version: '1.9.1' };
  await expect(ensureServer({ stateDir: newStateDir(), binary: gone, env: {}, log })).rejects.toMatchObject({
    code: 'SERVER_NOT_STARTED',
    message: expect.stringContaining('ENOENT'),
  });
  const file = join(root, 'a-file');
  await writeFile(file, '');
  await expect(ensureServer({ stateDir: join(file, 'state'), binary, env: {}, log })).rejects.toMatchObject({
    code: 'SERVER_NOT_STARTED',
    message: expect.stringContaining('cannot be used'),
  });
});

test('stopServer: leaves a process alone that only has the number of the server', async () => {
  const stateDir = newStateDir();
  const server = await ensure(stateDir);
  await stopServer(stateDir);
  const stranger = spawn('sleep', ['60']);
  await once(stranger, 'spawn');
  const record = JSON.parse(await readFile(stateFiles(stateDir).server, 'utf8')) as object;
  await writeFile(stateFiles(stateDir).server, JSON.stringify({ ...record, pid: stranger.pid }));
  expect(server.started).toBe(true);
  expect(await findServer(stateDir)).toBeNull();
  expect(await stopServer(stateDir)).toBeNull();
  expect(stranger.exitCode).toBeNull();
  stranger.kill('SIGKILL');
});

/** A command in a process of its own that wants the server; `output` is what it printed when it ended. */
function ensureInChild(stateDir: string) {
  const child = spawnTypeScript('test/embedded/ensure-server-child.ts', [stateDir, binary.path, binary.version]);
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  return { child, printed: () => printed, exit: once(child, 'exit') };
}

test('ensureServer: three processes at once start one server, which survives them all', async () => {
  const stateDir = newStateDir();
  const children = [1, 2, 3].map(() => ensureInChild(stateDir));
  expect(await Promise.all(children.map(({ exit }) => exit))).toEqual([1, 2, 3].map(() => [0, null]));
  const servers = children.map(
    ({ printed }) => JSON.parse(printed().trim().split('\n').at(-1) ?? '') as EmbeddedServer,
  );
  expect(servers.filter(({ started }) => started)).toHaveLength(1);
  expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
  expect(await findServer(stateDir)).toMatchObject({ pid: servers[0]?.pid });
});

test('ensureServer: carries on when the process that was starting the server is killed -9', async () => {
  const stateDir = newStateDir();
  const { child, exit } = ensureInChild(stateDir);
  await expect.poll(() => existsSync(stateFiles(stateDir).server), { interval: 5 }).toBe(true);
  child.kill('SIGKILL');
  await exit;
  const begun = JSON.parse(await readFile(stateFiles(stateDir).server, 'utf8')) as EmbeddedServer;
  expect(await ensure(stateDir)).toMatchObject({ started: false, pid: begun.pid });
});

test('ensureServer: tries other ports when another program took one before the server', async () => {
  const stateDir = newStateDir();
  const unlucky = join(root, 'unlucky');
  await writeFile(
    unlucky,
    `#!/bin/sh\nif [ -e '${unlucky}.once' ]; then exec '${binary.path}' "$@"; fi\n: >'${unlucky}.once'\necho 'bind: address already in use' >&2\nexit 1\n`,
    { mode: 0o755 },
  );
  const server = await ensureServer({ stateDir, binary: { ...binary, path: unlucky }, env: process.env, log });
  expect(server.started).toBe(true);
  expect(await findServer(stateDir)).toMatchObject({ pid: server.pid });
});
