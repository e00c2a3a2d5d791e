import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { runCommand } from '../../../../src/cli/runs/run-commands.js';
import { beginRun } from '../../../support/begun-run.js';
import { invoke } from '../../recorded-context.js';

/*
 * `run status` of a run that has not ended, where no Temporal server answers.
 */

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'promptos-stored-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
});

/** A store that has the beginning of one run. */
const storeRun = (): Promise<void> => beginRun(createFileSystemStore(join(home, 'state', 'artifacts')), 'any');

const status = (args: readonly string[], json = false) =>
  invoke((context) => runCommand(context, new Command('cancel'), async () => undefined), ['status', ...args], {
    json,
    cwd: home,
    env: { HOME: home, PROMPTOS_HOME: home, PATH: process.env.PATH },
  });

test.each([[['latest']], [['run-1']], [['latest', '--follow']]])(
  'run status: without a server an open run is shown as the store has it (%j)',
  async (args) => {
    await storeRun();
    const { stdout, stderr, exitCode } = await status(args);
    expect(stdout).toBe('run     run-1\nrepo    shop, started by ada at 2026-01-02T03:04:05.000Z\nstate   open\n');
    expect(stderr).toContain('note: no Temporal server answers; this is what the store knows of the run');
    expect(exitCode).toBe(0);
  },
);

test('run status: with --json one object with what the store knows', async () => {
  await storeRun();
  const { objects } = await status(['run-1'], true);
  expect(objects).toEqual([expect.objectContaining({ run_id: 'run-1', state: 'open', developer: 'ada' })]);
});

test('run status: SERVER_NOT_RUNNING where the store knows nothing of the run either', async () => {
  await storeRun();
  await expect(status(['run-2'])).rejects.toMatchObject({ code: 'SERVER_NOT_RUNNING' });
});
