import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createCommandExecutor } from '../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../src/adapters/platform/launcher.js';
import { describeProgress } from '../../src/cli/runs/show/follow-run.js';
import { commandExecutorSchema } from '../../src/contracts/config/executor-config.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, STRAIGHT } from '../support/governed-worker.js';
import { outputs, type ScriptStep } from '../support/scripted-executor.js';

/*
 * A program that fails as agents do when their provider cannot answer, run by the command executor of a real worker.
 */

const GOOD = exampleOutputs();
const launcher = createLauncher(process.env.PATH);
let folder: string;
let worker: GovernedWorker;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-provider-'));
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await worker.close();
  await launcher.close();
  await rm(folder, { recursive: true, force: true });
});

/** Takes the next of its replies: what it prints, and its exit code. Each call is a line of a file of calls. */
const AGENT = `const fs = require('fs');
const folder = process.argv[1];
const calls = folder + '/calls';
fs.appendFileSync(calls, Date.now() + '\\n');
const replies = JSON.parse(fs.readFileSync(folder + '/replies.json', 'utf8'));
const reply = replies[Math.min(fs.readFileSync(calls, 'utf8').trim().split('\\n').length, replies.length) - 1];
process.stdout.write(reply.stdout || '');
process.stderr.write(reply.stderr || '');
process.exitCode = reply.exit || 0;`;

interface Reply {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exit?: number;
}

interface Agent {
  readonly step: ScriptStep;
  /** When it was called. */
  calls(): Promise<readonly number[]>;
  /** From now on it gives these replies. */
  reply(...replies: readonly Reply[]): Promise<void>;
}

async function agentOf(config: object, ...replies: readonly Reply[]): Promise<Agent> {
  const own = await mkdtemp(join(folder, 'agent-'));
  const reply = (...next: readonly Reply[]) => writeFile(join(own, 'replies.json'), JSON.stringify(next));
  await reply(...replies);
  const executor = createCommandExecutor(
    'nina',
    commandExecutorSchema.parse({
      kind: 'command',
      argv: ['node', '-e', AGENT, own],
      failures: [
        {
          class: 'transient',
          pointer: '/api_error_status',
          equals: [429, 500, 529],
          retry_after: { pointer: '/retry_after' },
          message: '/result',
        },
        { class: 'transient', matches: 'stream disconnected' },
        { class: 'authentication', pointer: '/result', matches: '^\\[API Error: 401' },
      ],
      ...config,
    }),
    {
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
      configDir: own,
      scratchRoot: join(own, 'scratch'),
      programs: launcher,
    },
  );
  return {
    step: (call) => executor.execute(call),
    calls: async () => (await readFile(join(own, 'calls'), 'utf8')).trim().split('\n').map(Number),
    reply: async (...next) => {
      await appendFile(join(own, 'calls'), '');
      await rm(join(own, 'calls'));
      await reply(...next);
    },
  };
}

const limited = (retry_after: number): Reply => ({
  stdout: `${JSON.stringify({ type: 'result', is_error: true, api_error_status: 429, result: 'Rate limit reached', retry_after })}\n`,
  exit: 1,
});
const answer = { stdout: `${JSON.stringify({ kind: 'output', ...GOOD.P00, usage: undefined })}\n` };
const times = (count: number, step: ScriptStep): readonly ScriptStep[] => Array.from({ length: count }, () => step);

test('a run whose provider answers after a cut stream and three 429 is approved: one try counts, and no rework round', async () => {
  const cut = { stdout: '{"type":"thinking"}\n', stderr: 'stream disconnected before completion', exit: 1 };
  const agent = await agentOf({}, cut, limited(1), limited(1.5), limited(1), answer);
  const [, ...others] = STRAIGHT.nina ?? [];
  const run = await worker.startRun({
    gates: GATE_IDS,
    scripts: { ...STRAIGHT, nina: [...times(5, agent.step), ...others] },
  });
  for (const gate of GATE_IDS) await run.approve(gate);
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
  const calls = await agent.calls();
  expect(calls).toHaveLength(5);
  // The provider's delays were kept.
  expect((calls[3] ?? 0) - (calls[2] ?? 0)).toBeGreaterThanOrEqual(1_500);
  const record = (await worker.publishedJson(run.runId, 'run_record.json')) as RunRecord;
  expect(record.escalations).toEqual([]);
  expect(record.gates.map(({ attempts }) => attempts.length)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(record.gates[0]?.attempts[0]?.tries).toMatchObject([{ number: 1, problem: null }]);
  expect(await run.failedTasks()).toEqual([]);
});

test('a bad answer before a 429 is paid once: the gate goes on from it, and the record counts both tries', async () => {
  const bad = { stdout: 'no JSON at all\n' };
  const agent = await agentOf({}, bad, limited(1), answer);
  const run = await worker.startRun({ gates: ['P00'], scripts: { nina: times(3, agent.step) } });
  await run.approve('P00');
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
  expect(await agent.calls()).toHaveLength(3);
  expect(run.executors.calls[2]?.prompt).toContain('The executor gave no answer');
  const record = (await worker.publishedJson(run.runId, 'run_record.json')) as RunRecord;
  expect(record.gates[0]?.attempts[0]?.tries).toMatchObject([{ number: 1, failure: 'bad_answer' }, { number: 2 }]);
  expect(await run.failedTasks()).toEqual([]);
});

test('while it waits, the server says until when and why; more waits than a gate has tries are no trouble', async () => {
  const agent = await agentOf({}, limited(1), limited(90));
  const run = await worker.startRun({ gates: ['P00'], scripts: { nina: times(20, agent.step) } });
  const waiting = await eventually(async () => {
    const { at_work } = await worker.runs.moment(run.runId);
    return at_work !== null && !at_work.started && at_work.progress?.provider_wait?.times === 2 ? at_work : null;
  }, 'the second wait');
  const { provider_wait, activity } = waiting.progress ?? {};
  expect(activity).toBe(`wait for the provider until ${provider_wait?.until}`);
  const left = Date.parse(provider_wait?.until ?? '') - Date.now();
  expect(left).toBeGreaterThan(60_000);
  expect(left).toBeLessThanOrEqual(90_000);
  expect(Date.parse(provider_wait?.since ?? '')).toBeLessThan(Date.now());
  const [line] = describeProgress(waiting);
  expect(line).toMatch(
    /^is tried again at \d{4}-.*The provider of the executor of "nina" cannot answer now: Rate limit reached/,
  );
  await worker.client.workflow.getHandle(run.handle.workflowId).terminate('the test has ended');
});

test('trouble that lasts longer than retry_for is a P08 with the words of the provider; retry goes on', async () => {
  const agent = await agentOf({ retry_for: '3s' }, limited(1));
  const run = await worker.startRun({ gates: ['P00'], scripts: { nina: times(20, agent.step) } });
  const { report } = await run.awaitEscalation('E1');
  expect(report.context).toContain('Rate limit reached');
  expect(report.context).toContain('retry_for is 3s');
  await agent.reply(answer);
  await run.resolve('E1', { choice: 'retry' });
  await run.approve('P00');
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
});

test('a refused key is a P08 at once, in the words of the provider, without the key', async () => {
  const key = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
  const result = `[API Error: 401 Incorrect API key provided: ${key}]`;
  const agent = await agentOf({}, { stdout: `${JSON.stringify({ type: 'result', is_error: false, result })}\n` });
  const run = await worker.startRun({ gates: ['P00'], scripts: { nina: times(20, agent.step) } });
  const { report } = await run.awaitEscalation('E1');
  expect(report.issue).toContain('EXECUTOR_NOT_AUTHENTICATED');
  expect(report.context).toContain('Incorrect API key provided: [masked: github-token');
  expect(JSON.stringify(await run.ledger())).not.toContain(key);
  expect(await agent.calls()).toHaveLength(1);
  await agent.reply(answer);
  await run.resolve('E1', { choice: 'retry' });
  await run.approve('P00');
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
});

test('without a rule, the same error text is a bad answer, asked again as often as the policy allows', async () => {
  const agent = await agentOf({ failures: [] }, limited(1));
  const run = await worker.startRun({
    gates: ['P00'],
    scripts: { nina: [...times(2, agent.step), outputs(GOOD.P00)] },
  });
  await run.awaitDecision('P00');
  expect(await agent.calls()).toHaveLength(2);
  expect(await run.status()).toMatchObject({ gates: [{ verdict: 'blocked' }] });
  await run.handle.terminate('the test has ended');
});
