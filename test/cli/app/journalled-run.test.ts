import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { journalledRun } from '../../../src/cli/app/journalled-run.js';
import { type JournalEntry, journalBytes, type RunOpening } from '../../../src/contracts/run/journal.js';
import { beginRun, unsignedEnvelope } from '../../support/begun-run.js';
import { memoryStore } from '../../support/memory-store.js';

/*
 * What a listing reads of a run that is not published, from its journal alone.
 */

const examplePolicy = async (): Promise<string> =>
  (await readFile(new URL('../../../examples/reference/policy.yaml', import.meta.url), 'utf8')).replace(
    'integrator: [grace]',
    'integrator: [grace, ada]',
  );

async function journal(entries: readonly JournalEntry[], opened: Partial<RunOpening> = {}, policy?: string) {
  const store = memoryStore();
  await beginRun(store, policy ?? (await examplePolicy()), opened);
  for (const entry of entries) await store.appendJournal('run-1', journalBytes(entry));
  return journalledRun(store, 'run-1');
}

const result = (gate: string, verdict = 'pass'): JournalEntry => ({
  kind: 'result',
  envelope: unsignedEnvelope({ gate, verdict }),
});
const message = (actor: string): JournalEntry => ({
  ...{ kind: 'message', message: 'decision', envelope: unsignedEnvelope({ actor }) },
});
const head: JournalEntry = {
  kind: 'head',
  head: { run_id: 'run-1', by: 'engine', purpose: 'gate', gate: 'P01', attempt: 1, entries: 9, hash: '0'.repeat(64) },
  envelope: null,
};

test('journalledRun: says who started it, and that a result waits for an integrator who is not the developer', async () => {
  expect(await journal([result('P05')])).toMatchObject({
    failed: null,
    started_at: '2026-01-02T03:04:05.000Z',
    developer: 'ada',
    target_repo: 'shop',
    awaits: [{ kind: 'decision', gate: 'P05', request_id: null, of: ['grace'] }],
  });
});

test('journalledRun: nothing is awaited while a gate is at work, or once enough people have answered', async () => {
  expect(await journal([])).toMatchObject({ awaits: [] });
  expect(await journal([result('P00'), head])).toMatchObject({ awaits: [] });
  expect(await journal([result('P05'), message('grace')])).toMatchObject({ awaits: [] });
  // A cancellation answers nothing: where it does not count the run still waits.
  const cancelled: JournalEntry = {
    kind: 'message',
    message: 'cancellation',
    envelope: unsignedEnvelope({ actor: 'nina' }),
  };
  expect(await journal([result('P05'), cancelled])).toMatchObject({ awaits: [{ kind: 'decision' }] });
});

test('journalledRun: with two approvals the one who has answered is not awaited again', async () => {
  const two = (await examplePolicy())
    .replace('P05: 1', 'P05: 2')
    .replace('self_approval: refused', 'self_approval: allowed');
  expect(await journal([result('P05'), message('grace')], {}, two)).toMatchObject({ awaits: [{ of: ['ada'] }] });
  // Of a gate that did not pass, one rejection is all that is asked.
  expect(await journal([result('P05', 'fail'), message('grace')], {}, two)).toMatchObject({ awaits: [] });
});

test('journalledRun: a run that could not open has failed, and says why', async () => {
  const failed = { code: 'CHECK_UNKNOWN', message: 'no such check' };
  expect(await journal([], { failed })).toMatchObject({ failed, awaits: [] });
});

test('journalledRun: a start without a signature or with a lost policy is listed with what is known', async () => {
  const lost = { request_attestation_sha256: null, policy_sha256: 'f'.repeat(64) };
  expect(await journal([result('P05')], lost)).toMatchObject({
    ...{ failed: null, started_at: null, developer: null, target_repo: null, awaits: [] },
  });
});

test('journalledRun: a journal without an opening is no run, and what has not the shape of an entry counts for nothing', async () => {
  const store = memoryStore();
  expect(await journalledRun(store, 'run-1')).toBeNull();
  await store.appendJournal('run-1', new TextEncoder().encode('not JSON'));
  expect(await journalledRun(store, 'run-1')).toBeNull();
});
