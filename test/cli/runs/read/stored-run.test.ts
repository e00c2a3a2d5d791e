import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { runCommand } from '../../../../src/cli/runs/run-commands.js';
import type { Envelope } from '../../../../src/contracts/keys.js';
import { type JournalEntry, journalBytes } from '../../../../src/contracts/run/journal.js';
import type { GovernedRunInput } from '../../../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../../../src/domain/attest/acts.js';
import { invoke } from '../../recorded-context.js';

/*
 * `run status` of a run that has not ended, where no Temporal server answers.
 */

const envelope = (predicate: object): Envelope => ({
  payloadType: 'application/vnd.in-toto+json',
  payload: Buffer.from(JSON.stringify({ predicate })).toString('base64'),
  signatures: [{ keyid: 'any', sig: 'any' }],
});

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'promptos-stored-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
});

/** A store that has the beginning of one run. */
async function storeRun(): Promise<void> {
  const store = createFileSystemStore(join(home, 'state', 'artifacts'));
  const put = async (text: string) => (await store.putObject(new TextEncoder().encode(text))).sha256;
  const run = { run_id: 'run-1', developer: 'ada', target_repo: 'shop', request_sha256: '0'.repeat(64) };
  const { predicate } = runRequestStatement(run as GovernedRunInput, '2026-01-02T03:04:05.000Z');
  const opening: JournalEntry = {
    kind: 'opened',
    run_id: 'run-1',
    first_execution_run_id: 'first',
    policy_sha256: await put('any'),
    request_sha256: '0'.repeat(64),
    request_attestation_sha256: await put(JSON.stringify(envelope(predicate as object))),
    failed: null,
    envelope: null,
  };
  await store.appendJournal('run-1', journalBytes(opening));
}

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
