import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import { createCommandExecutor, createExecutorRegistry } from '../../../src/adapters/executor/command-executor.js';
import { namedFiles } from '../../../src/adapters/executor/command-line.js';
import { createLauncher, type Launcher } from '../../../src/adapters/platform/launcher.js';
import type { Sandbox } from '../../../src/adapters/platform/program-starter.js';
import { openSandbox } from '../../../src/adapters/sandbox/open-sandbox.js';
import { commandExecutorSchema } from '../../../src/contracts/config/executor-config.js';
import { workerConfigSchema } from '../../../src/contracts/config/worker-config.js';
import { printedText } from '../../support/printed.js';

let root: string;
let launcher: Launcher;
let programs: Sandbox;

const put = async (path: string, text: string): Promise<string> => {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text, { mode: 0o755 });
  return join(root, path);
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-boxed-'));
  launcher = createLauncher(process.env.PATH);
  const key = await put('config/key.pem', 'private');
  await mkdir(join(root, 'checkout'));
  const config = workerConfigSchema.shape.sandbox.parse({ limits: { memory_bytes: 200_000_000 } });
  programs = await openSandbox(config, {
    programs: launcher,
    path: process.env.PATH,
    secret: [key, join(root, 'state')],
  });
});
afterEach(async () => {
  await launcher.close();
  await rm(root, { recursive: true, force: true });
});

const ENV = { PATH: process.env.PATH };

const options = () => ({
  ...{ env: ENV, configDir: join(root, 'config'), scratchRoot: join(root, 'state/scratch'), programs },
});
const gateCall = () => {
  const { signal } = new AbortController();
  return { run_id: 'run-1', gate: 'P05', attempt: 1, prompt: 'p', directory: join(root, 'checkout'), signal } as const;
};

function execute(argv: readonly string[], set: Readonly<Record<string, string>> = {}) {
  const config = commandExecutorSchema.parse({ kind: 'command', argv, env: { set } });
  const executor = createCommandExecutor('nina', config, options());
  return { executor, outcome: executor.execute(gateCall()) };
}

describe.runIf(process.platform === 'linux')('in the sandbox', () => {
  test('command executor: a script of a folder below the config runs with what is beside it, and finds no key', async () => {
    await put('config/agents/lib.mjs', 'export const word = "beside";');
    await put(
      'config/agents/agent.mjs',
      `import { word } from './lib.mjs'; import { existsSync } from 'node:fs';
       console.log(JSON.stringify({ word, key: existsSync(${JSON.stringify(join(root, 'config/key.pem'))}) }));`,
    );
    const { executor, outcome } = execute([process.execPath, './agents/agent.mjs']);
    expect(await outcome).toMatchObject({ problem: null, answer: '{"word":"beside","key":false}' });
    expect(executor.descriptor).toMatchObject({ sandbox: 'bubblewrap' });
  });

  test('command executor: what argv and env.set name is there, with what is beside a script; nothing else is', async () => {
    const agent = await put(
      'tools/agent.mjs',
      `import { word } from './lib.mjs'; console.log(JSON.stringify({ word }));`,
    );
    const beside = `import { existsSync, readFileSync } from 'node:fs';
      export const word = [readFileSync(process.env.PLAN + '/plan', 'utf8'), existsSync('${root}/other')];`;
    await put('tools/lib.mjs', beside);
    await put('case/plan', 'planned');
    await put('other/plan', 'hidden');
    const { outcome } = execute([process.execPath, agent], { PLAN: join(root, 'case'), HOME: join(root, 'other') });
    expect(await outcome).toMatchObject({ problem: null, answer: '{"word":["planned",false]}' });
  });

  test('command executor: a wrapper starts the program of another executor of the worker, and no other', async () => {
    const shared = await put('tools/agent.mjs', `console.log('{"found":"shared"}');`);
    const own = await put('own/agent.mjs', `console.log('{"found":"own"}');`);
    const wrapper = (name: string, wrapped: string): Promise<string> =>
      put(
        `${name}/wrapper.mjs`,
        `import { spawnSync } from 'node:child_process';
         const run = spawnSync(process.execPath, [${JSON.stringify(wrapped)}], { encoding: 'utf8' });
         console.log(run.stdout || JSON.stringify({ problem: run.stderr.match(/Cannot find module/)?.[0] }));`,
      );
    const commands = {
      vera: [process.execPath, shared],
      nina: [process.execPath, await wrapper('wraps-shared', shared)],
      rex: [process.execPath, await wrapper('wraps-own', own)],
    };
    const parse = (argv: readonly string[]) => commandExecutorSchema.parse({ kind: 'command', argv });
    const executors = Object.fromEntries(Object.entries(commands).map(([name, argv]) => [name, parse(argv)]));
    const registry = createExecutorRegistry(executors, options());
    const answerOf = async (principal: string) => (await registry.forPrincipal(principal).execute(gateCall())).answer;
    expect(await answerOf('nina')).toContain('"found":"shared"');
    expect(await answerOf('rex')).toBe('{"problem":"Cannot find module"}');
  });

  test('command executor: a program that exceeds a limit is a problem that names it', async () => {
    const { outcome } = execute(['node', '-e', 'const all = []; for (;;) all.push(Buffer.alloc(8e6, 1));']);
    expect(await outcome).toMatchObject({
      answer: null,
      problem: 'The executor was stopped: it used more than 200000000 bytes of memory (sandbox.limits.memory_bytes).',
    });
  });

  test('command executor: a program that is missing is reported as such, not as one that failed', async () => {
    await expect(execute(['no-such-program']).outcome).rejects.toMatchObject({ code: 'EXECUTOR_NOT_FOUND' });
    await put('config/plain', 'no program');
    const { chmod } = await import('node:fs/promises');
    await chmod(join(root, 'config/plain'), 0o644);
    await expect(execute(['./plain']).outcome).rejects.toMatchObject({ code: 'EXECUTOR_NOT_PERMITTED' });
  });

  test('certificates that the worker config names can be read; what the policy names cannot', async () => {
    const NODE_EXTRA_CA_CERTS = await put('company/ca certificates.pem', '"certificate"');
    await put('company/other', '');
    const { outcome } = execute(['sh', '-c', `cat "$NODE_EXTRA_CA_CERTS"; cat ${root}/company/other`], {
      NODE_EXTRA_CA_CERTS,
    });
    expect(printedText((await outcome).stdout)).toBe('"certificate"');
    const scratchRoot = join(root, 'state/scratch');
    const call = {
      ...{ name: 'tests', timeout_ms: 60_000, directory: join(root, 'checkout') },
      ...{ argv: ['sh', '-c', 'cat "$NODE_EXTRA_CA_CERTS"'], signal: new AbortController().signal },
    };
    const granted = createCheckRunner({
      ...{ allow: ['*'], env: ENV, scratchRoot, programs },
      passed: { allow: ['PATH'], set: { NODE_EXTRA_CA_CERTS } },
    });
    expect(await granted.run(call)).toMatchObject({ status: 'passed' });
    const checks = createCheckRunner({ allow: ['*'], env: ENV, scratchRoot, programs });
    expect(await checks.run({ ...call, env: { NODE_EXTRA_CA_CERTS } })).toMatchObject({ status: 'failed' });
  });

  test('check runner: a program of the checkout runs; one that exceeds a limit fails with its reason', async () => {
    const checks = createCheckRunner({ allow: ['*'], env: ENV, scratchRoot: join(root, 'state/scratch'), programs });
    const call = {
      name: 'tests',
      timeout_ms: 60_000,
      directory: join(root, 'checkout'),
      signal: new AbortController().signal,
    };
    await put('checkout/check.sh', '#!/bin/sh\necho checked\n');
    expect(await checks.run({ ...call, argv: ['./check.sh'] })).toMatchObject({ status: 'passed' });
    const grows = await checks.run({
      ...call,
      argv: ['node', '-e', 'const a = []; for (;;) a.push(Buffer.alloc(8e6, 1));'],
    });
    expect(grows).toMatchObject({ status: 'failed', reason: expect.stringContaining('sandbox.limits.memory_bytes') });
  });
});

describe('namedFiles', () => {
  test('files of the command line, each with its folder; never the folder of the config', async () => {
    const [own, below, elsewhere] = [
      await put('config/agent.sh', ''),
      await put('config/agents/a.mjs', ''),
      await put('tools/b.mjs', ''),
    ];
    const argv = ['node', own, below, elsewhere, '--flag', join(root, 'missing'), join(root, 'tools'), 'relative.js'];
    expect(namedFiles(argv, join(root, 'config'))).toEqual([
      own,
      ...[join(root, 'config/agents'), below],
      ...[join(root, 'tools'), elsewhere],
    ]);
  });
});
