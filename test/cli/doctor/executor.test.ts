import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { doctorCommand } from '../../../src/cli/doctor/doctor-command.js';
import type { TriedCase } from '../../../src/plugin/try-executor.js';
import { ANSWER } from '../../support/answer-contract.js';
import { type Invocation, invoke } from '../recorded-context.js';

const AGENT = resolve('test/fixtures/executors/acting-agent.mjs');

async function tryExecutor(executor: object, name = 'nina') {
  const root = await mkdtemp(join(tmpdir(), 'promptos-doctor-executor-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, '.git'));
  await mkdir(join(root, '.promptos'));
  const config = { schema_version: 1, trust: { policies: ['policy.yaml'] }, executors: { nina: executor } };
  await writeFile(join(root, '.promptos/worker.yaml'), stringify(config));
  const env = { PATH: process.env.PATH ?? '', HOME: root };
  return invoke((context) => doctorCommand(context), ['--executor', name], { cwd: root, env, json: true });
}

const command = (argv: readonly string[], act: object, timeout = '1m') => ({
  ...{ kind: 'command', argv, timeout, env: { set: { ACT: JSON.stringify(act) } } },
});
const casesOf = ({ objects: [printed] }: Invocation) => printed?.cases as readonly TriedCase[];

describe.runIf(process.platform === 'linux')('doctor --executor', () => {
  test('doctor --executor: one that answers keeps the contract', async () => {
    const tried = await tryExecutor(command([process.execPath, AGENT], { print: ANSWER, next: 'end' }));
    expect(tried).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nina keeps the contract.') });
    expect(casesOf(tried)).toMatchObject([
      { name: 'answer', holds: true, message: expect.stringContaining('an output of P00, in') },
      { name: 'checkout', holds: true },
      { name: 'time-out', holds: true },
      { name: 'cancellation', holds: true },
    ]);
  });

  test('doctor --executor: one that hangs has no answer, and can be stopped and cancelled', async () => {
    const tried = await tryExecutor(command([process.execPath, AGENT], { print: 'words', next: 'hang' }, '3s'));
    expect(tried.exitCode).toBe(1);
    expect(casesOf(tried)).toMatchObject([
      { name: 'answer', holds: false, message: expect.stringMatching(/ran longer than 3 s[\s\S]*words/) },
      { name: 'checkout', holds: true },
      { name: 'time-out', holds: true, message: expect.stringContaining('stopped after') },
      { name: 'cancellation', holds: true, message: expect.stringContaining('after it was cancelled') },
    ]);
  });

  test('doctor --executor: edits at P00 and an answer of another shape are named', async () => {
    const tried = await tryExecutor(command(['sh', '-c', 'echo more >> README.md; echo "{}"'], {}));
    expect(tried.exitCode).toBe(1);
    expect(casesOf(tried).slice(0, 2)).toMatchObject([
      { name: 'answer', holds: false, message: expect.stringContaining('does not have the expected shape') },
      { name: 'checkout', holds: false, message: expect.stringContaining('changed files') },
    ]);
  });

  test('doctor --executor: a principal without a program is refused', async () => {
    const code = 'EXECUTOR_NOT_CONFIGURED';
    await expect(tryExecutor(command(['true'], {}), 'vera')).rejects.toMatchObject({ code });
    await expect(tryExecutor({ kind: 'handoff' })).rejects.toMatchObject({
      ...{ code, summary: expect.stringContaining('kind: handoff') },
    });
  });
});
