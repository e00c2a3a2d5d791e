import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOutput } from '../../../src/cli/app/output.js';
import { serverCommand } from '../../../src/cli/start/start-commands.js';
import { ensureServer, stopServer } from '../../../src/embedded/server.js';
import { recordWorker } from '../../../src/embedded/state-files.js';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'promptos-server-command-'));
});
afterEach(async () => {
  await stopServer(stateDir);
  await rm(stateDir, { recursive: true, force: true });
});

/** What the command printed on standard output, and the exit code of its answer. */
async function run(subcommand: string, json = false) {
  const stdout = new PassThrough();
  const output = createOutput({ json, stdout, stderr: new PassThrough(), stdinIsTerminal: false, noColor: true });
  let code = 0;
  const exit = (answer: number) => {
    code = answer;
  };
  const context = { output: () => output, cwd: stateDir, env: {}, exit };
  await serverCommand(context, async () => stateDir).parseAsync([subcommand], { from: 'user' });
  stdout.end();
  return { code, printed: await text(stdout) };
}

test('server status: exit 1 when nothing runs, one JSON object with --json', async () => {
  expect(await run('status')).toEqual({
    code: 1,
    printed: 'No embedded Temporal server runs here.\nNo worker runs in the background.\n',
  });
  const { code, printed } = await run('status', true);
  expect(code).toBe(1);
  expect(JSON.parse(printed)).toEqual({ running: false, server: null, worker: null });
});

test('server stop: exit 0 when nothing runs', async () => {
  expect(await run('stop')).toEqual({ code: 0, printed: 'Nothing was running.\n' });
});

test('server status and stop: name and end both the server and the worker in the background', async () => {
  const server = await ensureServer({ stateDir, env: process.env, log: () => {} });
  const worker = spawn('sleep', ['60']);
  await once(worker, 'spawn');
  recordWorker(stateDir, worker.pid ?? 0, { worker_config: null, repositories: {} });

  const human = await run('status');
  expect(human.code).toBe(0);
  expect(human.printed).toContain(server.address);
  expect(human.printed).toContain(server.ui_url);
  const facts = { server: { address: server.address, pid: server.pid }, worker: { pid: worker.pid } };
  expect(JSON.parse((await run('status', true)).printed)).toMatchObject({ running: true, ...facts });
  expect(JSON.parse((await run('stop', true)).printed)).toMatchObject(facts);
  expect((await run('status')).code).toBe(1);
  expect(worker.signalCode).toBe('SIGTERM');
});
