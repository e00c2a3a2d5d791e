import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runWorkflowId } from '../../../src/contracts/names.js';
import { PROMPTOS } from '../../support/built-package.js';
import { promptos } from '../../support/command-line.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../../support/governed-worker.js';
import { makeSiteHome } from '../../support/site-home.js';

/*
 * The built program speaks a part of Temporal's protocol only. Whatever a server answers, a refusal too, it has to
 * understand as the sources do, which speak the whole.
 */

let site: GovernedWorker;
let run: WorkedRun;
let home: Awaited<ReturnType<typeof makeSiteHome>>;
beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
  const worker = await site.createWorker();
  const running = worker.run();
  run = await site.startRun();
  await run.awaitDecision('P00');
  worker.shutdown();
  await running;
  home = await makeSiteHome(site, inject('temporalAddress'));
});
afterAll(() => site.close());

type Answer = Readonly<Record<'exitCode' | 'stdout' | 'stderr', unknown>>;

async function built(args: readonly string[], more: Readonly<Record<string, string>>): Promise<Answer> {
  const child = spawn(PROMPTOS, args, {
    cwd: home.cwd,
    env: { ...home.env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await ended, stdout, stderr };
}

/** What both answer; fails when they differ. */
async function answer(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { exitCode, stdout, stderr } = await promptos(args, { ...home, env: { ...home.env, ...more } });
  const answered = await built(args, more);
  expect(answered).toEqual({ exitCode, stdout, stderr });
  return answered;
}

test('built program: an open run without a worker, from its history, its query and the listing', async () => {
  expect(await answer(['run', 'status', run.runId, '--json'])).toMatchObject({ exitCode: 0 });
  expect(await answer(['run', 'list', '--json', '--limit', '100'])).toMatchObject({
    stdout: expect.stringContaining(run.runId),
  });
});

test.each([
  ['no such run', ['run', 'status', 'no-such-run', '--json'], {}, 'RUN_NOT_FOUND'],
  ['no such run to decide on', ['approve', 'no-such-run', '--as', 'grace', '--yes', '--json'], {}, 'RUN_NOT_FOUND'],
  [
    'no such run to cancel',
    ['run', 'cancel', 'no-such-run', '--as', 'grace', '--reason', 'x', '--yes', '--json'],
    {},
    'RUN_NOT_FOUND',
  ],
  ['no such namespace', ['run', 'status', 'no-such-run', '--json'], { TEMPORAL_NAMESPACE: 'nowhere' }, 'nowhere'],
])('built program: %s is understood', async (_, args, more, expected) => {
  const { stdout, stderr, exitCode } = await answer(args, more);
  expect(exitCode).not.toBe(0);
  expect(`${stdout}${stderr}`).toContain(expected);
});

test('built program: a run that was terminated is understood, and so is a message that it can no longer get', async () => {
  await site.client.workflow.getHandle(runWorkflowId(run.runId)).terminate('by a test');
  expect(await answer(['run', 'status', run.runId, '--json'])).toMatchObject({
    stdout: expect.stringContaining('by a test'),
  });
  const { stdout } = await answer(['run', 'cancel', run.runId, '--as', 'grace', '--reason', 'late', '--yes', '--json']);
  expect(stdout).toContain('RUN_CLOSED');
});
