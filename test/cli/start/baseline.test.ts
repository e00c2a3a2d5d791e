import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import { createHostileSite, type HostileSite, type ProgramRun } from '../../support/hostile-site.js';

/*
 * Runs of the real program on a base commit whose check fails, under policies that block on it and that note it.
 */

let site: HostileSite;
beforeAll(async () => {
  const tests = { argv: ['node', 'test.js'], timeout: '60s', made_of: ['test.js'] };
  site = await createHostileSite({
    address: inject('temporalAddress'),
    policies: {
      'note.yaml': { checks: { tests } },
      'block.yaml': { checks: { tests }, baseline: 'block' },
      'off.yaml': { checks: { tests }, baseline: 'off' },
    },
  });
});
afterAll(() => site?.close());

const GATES = 'P00,P01,P03,P05,P06';
const play = (policy: string, notes: string) =>
  site.play(notes, ['--policy', `.promptos/${policy}`, '--prompts', GATES, '--new']);
const json = async <T>({ last }: ProgramRun, path: string): Promise<T> =>
  JSON.parse(await readFile(join(String(last?.tree), path), 'utf8')) as T;
const attempt = (run: ProgramRun, gate: string) => json<AttemptRecord>(run, `evidence/attempts/${gate}/1/attempt.json`);
const verify = ({ last }: ProgramRun, policy: string) =>
  site.promptos('verify', String(last?.run_id), '--policy', `.promptos/${policy}`, '--json');

test('dev: a check that fails on the base commit is noted at P00, and a run that mends it is approved', async () => {
  const run = await play('note.yaml', 'none');
  expect(run).toMatchObject({ exitCode: 0, last: { outcome: 'approved' } });
  const { verdict, findings } = await attempt(run, 'P00');
  expect(verdict).toBe('pass');
  expect(findings).toMatchObject([{ id: 'baseline-1', severity: 'medium', blocking: false }]);
  expect(await json(run, 'evidence/baseline.json')).toMatchObject({
    base_commit: site.git('rev-parse', 'HEAD'),
    checks: [{ name: 'tests', status: 'failed', exit_code: 1, stderr_tail: 'still wrong\n' }],
  });
  expect((await attempt(run, 'P06')).findings).toEqual([]);
  expect(await verify(run, 'note.yaml')).toMatchObject({ exitCode: 0 });
});

test('dev: under a policy that blocks, P00 fails and nothing is built', async () => {
  const run = await play('block.yaml', 'none');
  expect(run).toMatchObject({ exitCode: 1, last: { outcome: 'aborted' } });
  const { verdict, findings } = await attempt(run, 'P00');
  expect(verdict).toBe('fail');
  expect(findings).toMatchObject([{ id: 'baseline-1', severity: 'high', blocking: true }]);
  const { gates } = await json<{ gates: { gate: string; attempts: object[] }[] }>(run, 'run_record.json');
  expect(gates.filter(({ attempts }) => attempts.length > 0).map(({ gate }) => gate)).toEqual(['P00']);
  expect(await verify(run, 'block.yaml')).toMatchObject({ exitCode: 0 });
});

test('dev: with `off` the base commit is not looked at', async () => {
  const run = await play('off.yaml', 'none');
  expect(run).toMatchObject({ exitCode: 0, last: { outcome: 'approved' } });
  expect((await attempt(run, 'P00')).findings).toEqual([]);
});
