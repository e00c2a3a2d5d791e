import { createReadStream } from 'node:fs';
import { expect, test } from 'vitest';
import { openingFailure } from '../../../src/cli/app/published-run.js';
import { showStatus } from '../../../src/cli/runs/show/show-status.js';
import type { RunStatus } from '../../../src/contracts/run/run-status.js';
import { memoryStore } from '../../support/memory-store.js';

const vector = (name: string) => ({
  ...memoryStore(),
  openPublished: (_: string, path: string) =>
    createReadStream(new URL(`../../vectors/trees/${name}/${path}`, import.meta.url)),
});

test('openingFailure: what the ledger says of a run that could not open, and nothing of one that did', async () => {
  const why = await openingFailure(vector('unopened'), 'run-1');
  expect(why).toMatch(/\w+ \w+/);
  expect(await openingFailure(vector('missing'), 'run-1')).toBeNull();
  const { readdirSync } = await import('node:fs');
  const [opened = ''] = readdirSync(new URL('../../vectors/trees', import.meta.url)).filter(
    (one) => one !== 'unopened',
  );
  expect(await openingFailure(vector(opened), 'run-1')).toBeNull();
});

test('showStatus: says why a run could not open, beside its code', () => {
  const lines: string[] = [];
  const status = {
    ...{ run_id: 'run-1', phase: 'closed', outcome: 'failed', outcome_reason: 'DUTIES_CLASH', cancellation: null },
    ...{ developer: 'ada', target_repo: 'app', base_commit: 'c'.repeat(40), gates: [], awaiting: [], refusals: 0 },
    run_record_sha256: 'e'.repeat(64),
  } as unknown as RunStatus;
  const output = { say: (text = '') => void lines.push(text) };
  showStatus(status, { tree: null, ui: null, why: 'The duties are not separate.' }, output);
  expect(lines).toContain('state   failed: DUTIES_CLASH');
  expect(lines).toContain('why     The duties are not separate.');
});
