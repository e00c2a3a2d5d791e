import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { canaryCommand } from '../../src/cli/audit/audit-commands.js';
import type { ExecutorReport } from '../../src/cli/audit/canary/measure-executor.js';
import { invoke } from '../cli/recorded-context.js';
import { SERVED_MODEL, TOKENS } from '../support/model-protocols.js';
import { type ModelServer, type ScriptedTurn, startModelServer } from '../support/model-server.js';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
}, 300_000);
afterAll(() => server.close());

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-measure-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const configure = async (executors: object): Promise<void> => {
  await mkdir(join(folder, '.promptos'), { recursive: true });
  const config = {
    ...{ schema_version: 1, roles: ['verifier', 'reviewer'], repositories: {} },
    ...{ trust: { policies: [`sha256:${'0'.repeat(64)}`] }, sandbox: 'none', executors },
  };
  await writeFile(join(folder, '.promptos/worker.yaml'), JSON.stringify(config));
};
const measured = async (): Promise<void> => {
  const model = { kind: 'model', base_url: `${server.url}/v1`, model: 'asked-for', edits: 'files' };
  await configure({ judge: { ...model, max_steps: 1 }, nina: { kind: 'handoff' } });
};
const measure = (args: readonly string[], json = true) =>
  invoke(canaryCommand, ['--executor', 'judge', ...args], { cwd: folder, json });
const ONE = ['--language', 'javascript', '--class', 'wrong condition'];

const finding = { severity: 'high', title: 'Others get a discount', detail: 'It should be and.' };
const answer = (gate: 'P06' | 'P07', verdict: 'pass' | 'fail'): ScriptedTurn => {
  const found = verdict === 'fail' ? [finding] : [];
  const own =
    gate === 'P06'
      ? { criteria: [{ id: 'AC1', met: verdict === 'pass', evidence: 'Read.' }] }
      : { attacks: ['non-members'] };
  return {
    kind: 'text',
    text: JSON.stringify({ answer: { kind: 'output', verdict, summary: 'Read.', ...own, findings: found } }),
  };
};
const GARBAGE: ScriptedTurn = { kind: 'text', text: '{"answer":{"kind":"output"}}' };

describe.runIf(process.platform === 'linux')('promptos canary --executor', () => {
  test('an executor that finds the bug: caught, no false alarm, with prompt, model, tokens and tries in the report', async () => {
    await measured();
    // Of each gate first the change with the bug, then the honest one; a first answer is not valid.
    server.script([
      answer('P06', 'fail'),
      answer('P06', 'pass'),
      GARBAGE,
      answer('P07', 'fail'),
      answer('P07', 'pass'),
    ]);
    const said = await measure([...ONE, '--report', 'report.json']);
    server.assertDone();
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as ExecutorReport;
    expect(said.objects).toEqual([report]);
    expect(said.exitCode).toBe(0);
    expect(report.gates).toMatchObject({
      P06: {
        prompt: {
          prompt_id: 'P06',
          version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
        model: { requested: 'asked-for', served: [SERVED_MODEL] },
        bugs: { n: 1, caught: 1, missed: 0, no_answer: 0, rate: 1 },
        honest: { n: 1, false_alarms: 0, passed: 1, no_answer: 0, rate: 0 },
        by_class: { 'wrong condition': { bugs: { n: 1, caught: 1 }, honest: { n: 1, passed: 1 } } },
        by_language: { javascript: { bugs: { rate: 1 }, honest: { rate: 0 } } },
        structured: { n: 2, valid_at_first: 2, rate: 1 },
        ...{ tries: 2, tokens: 2 * (TOKENS.input + TOKENS.output), cost_usd: null },
      },
      P07: {
        bugs: { n: 1, caught: 1, missed: 0, no_answer: 0 },
        structured: { n: 2, valid_at_first: 1, rate: 0.5 },
        tries: 3,
      },
    });
    expect(report).toMatchObject({ questions: 4, parameters: { settings: expect.any(Object) } });
    expect(Date.parse(report.asked_at)).not.toBeNaN();
    expect(report.answers[2]).toMatchObject({
      class: 'wrong condition',
      language: 'javascript',
      outcome: 'objected',
      valid_at_first: false,
      problems: [expect.any(String)],
    });
  }, 300_000);

  test('an executor that passes everything misses the bug, and one that fails everything raises false alarms', async () => {
    await measured();
    server.script([answer('P07', 'pass'), answer('P07', 'pass')]);
    const passing = await measure([...ONE, '--gate', 'P07'], false);
    expect(passing.stdout).toMatch(/MISSED +P07 +javascript-discount +bug/);
    expect(passing.stdout).toContain('bugs caught 0/1, false alarms 0/1');
    expect(passing.stdout).toContain(`served by ${SERVED_MODEL} (asked for asked-for)`);
    server.script([answer('P07', 'fail'), answer('P07', 'fail')]);
    const failing = await measure([...ONE, '--gate', 'P07'], false);
    expect(failing.stdout).toMatch(/FALSE ALARM +P07 +javascript-discount +honest +/);
    expect(failing.stdout).toContain('bugs caught 1/1, false alarms 1/1');
  }, 300_000);

  test('an answer that is never valid is neither caught nor missed; a change has no bug before it is made', async () => {
    await measured();
    server.script([GARBAGE], { repeats: true });
    const said = await measure([...ONE, '--gate', 'P00', 'P06', '--repeat', '2']);
    expect((said.objects[0] as unknown as ExecutorReport).gates).toMatchObject({
      P00: { bugs: { n: 0 }, honest: { n: 2, no_answer: 2 }, structured: { n: 2, valid_at_first: 0, rate: 0 } },
      P06: { bugs: { n: 2, caught: 0, missed: 0, no_answer: 2 }, honest: { n: 2, false_alarms: 0, no_answer: 2 } },
    });
  }, 300_000);

  test('a provider that cannot answer is counted apart, and one that refuses the key ends the command', async () => {
    await measured();
    server.script([{ kind: 'error', status: 503, message: 'overloaded' }], { repeats: true });
    const said = await measure([...ONE, '--gate', 'P07']);
    const report = said.objects[0] as unknown as ExecutorReport;
    expect(report.gates.P07).toMatchObject({
      bugs: { n: 1, no_answer: 1 },
      structured: { n: 0, rate: null },
      tokens: null,
    });
    expect(report.answers[0]).toMatchObject({ outcome: 'unanswered', reason: expect.stringContaining('overloaded') });
    server.script([{ kind: 'error', status: 401, message: 'wrong key' }], { repeats: true });
    await expect(measure([...ONE, '--gate', 'P07'])).rejects.toMatchObject({ code: 'EXECUTOR_NOT_AUTHENTICATED' });
  }, 300_000);

  test('an answer that ends the command leaves the report of those before it', async () => {
    await measured();
    server.script([answer('P07', 'fail'), { kind: 'error', status: 401, message: 'wrong key' }]);
    await expect(measure([...ONE, '--gate', 'P07', '--report', 'report.json'])).rejects.toMatchObject({
      code: 'EXECUTOR_NOT_AUTHENTICATED',
    });
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as ExecutorReport;
    expect(report).toMatchObject({ questions: 2, answers: [{ outcome: 'objected' }] });
  }, 300_000);

  test.each(['P06', 'P07'])(
    '%s: a change whose tests cannot pass here is asked about no further',
    async (gate) => {
      await measured();
      await mkdir(join(folder, 'bin'));
      await writeFile(join(folder, 'bin', 'go'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      server.script(gate === 'P06' ? [answer('P06', 'pass')] : []);
      const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
      const args = ['--executor', 'judge', '--gate', gate, '--language', 'go', '--class', 'injection'];
      await expect(invoke(canaryCommand, args, { cwd: folder, env, json: true })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(/tests of the change "go-place" do not pass here: .*--language/s),
      });
      server.assertDone();
    },
    300_000,
  );

  test('without --language, bugs in each language are planted and counted apart', async () => {
    await measured();
    server.script([answer('P07', 'fail')], { repeats: true });
    const said = await measure(['--gate', 'P07', '--class', 'injection'], false);
    expect(said.stdout).toContain('caught: javascript 1/1, python 1/1, go 1/1');
  }, 300_000);

  test.each([
    [
      'an executor that the worker config lacks',
      ['--executor', 'other'],
      'EXECUTOR_NOT_CONFIGURED',
      /has programs for: judge/,
    ],
    ['gates that are done elsewhere', ['--executor', 'nina'], 'EXECUTOR_NOT_CONFIGURED', /starts no program/],
    ['a class that has no bugs', ['--executor', 'judge', '--class', 'secret'], 'USAGE', /Name one of: off by one/],
  ])('%s: refused before anything is made', async (_, args, code, message) => {
    await measured();
    await expect(invoke(canaryCommand, args, { cwd: folder, json: true })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('a folder without a worker config: refused', async () => {
    await expect(measure([])).rejects.toMatchObject({ code: 'WORKER_CONFIG_NOT_FOUND' });
  });
});
