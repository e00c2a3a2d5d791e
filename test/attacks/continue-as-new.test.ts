import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { canonicalJson } from '../../src/contracts/json.js';
import { GATE_IDS, runWorkflowId } from '../../src/contracts/names.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { RunState } from '../../src/domain/run/run-state.js';
import { NO_APPROVALS } from '../support/attack-policy.js';
import { forgedCarried, forgedLedger } from '../support/attack-shapes.js';
import { type AttackSite, createAttackSite, endOf } from '../support/attack-site.js';
import { createHostileClient, type HostileClient } from '../support/hostile-client.js';

let site: AttackSite;
let hostile: HostileClient;
beforeAll(async () => {
  const address = inject('temporalAddress');
  hostile = await createHostileClient(address);
  site = await createAttackSite({ address, approvals: NO_APPROVALS });
});
afterAll(async () => {
  await hostile.close();
  await site.close();
});

interface Past {
  readonly state: RunState;
  readonly entries: readonly LedgerEntry[];
}

/** The opening of a genuine run, as its history shows it, under the name of another. */
async function stolenOpening(runId: string, developer: string): Promise<Past> {
  const donor = await site.startRun({ gates: ['P00'] });
  await site.runs.wait(donor.runId);
  const [opened] = await site.publishedLedger(donor.runId);
  if (opened?.type !== 'runOpened') throw new Error('expected the opening of the donor');
  const { seq: _seq, prev: _prev, hash: _hash, at, ...event } = opened;
  const run = { ...event.run, run_id: runId, developer, gates: [...GATE_IDS] };
  const entry = appendEntry(EMPTY_LEDGER, at, { ...event, run });
  return { state: forgedLedger(entry).state(), entries: [entry] };
}

const PASTS: Readonly<Record<string, (runId: string) => Promise<Past>>> = {
  'an opening that no developer signed': (runId) => stolenOpening(runId, 'grace'),
  'a failed opening with the state of an open run': async (runId) => {
    const { state, entries } = await stolenOpening(runId, 'grace');
    const [opened] = entries;
    if (opened?.type !== 'runOpened') throw new Error('expected an opening');
    const { run, workflow, at } = opened;
    const failed = { type: 'openingFailed', run, workflow, code: 'REQUEST_NOT_SIGNED', message: 'no' } as const;
    return { state, entries: [appendEntry(EMPTY_LEDGER, at, failed)] };
  },
  'gates that were all passed': async (runId) => {
    const { entries } = await stolenOpening(runId, 'grace');
    const forged = forgedLedger(entries[0]);
    for (const gate of GATE_IDS) {
      forged.startGate(gate);
      forged.finishGate(gate, null);
    }
    return { state: forged.state(), entries: forged.entries() };
  },
};

test.each(Object.keys(PASTS))('continue as new from a foreign workflow with %s: no gate is done', async (name) => {
  const runId = `run-${randomUUID().slice(0, 13)}`;
  const past = await PASTS[name]?.(runId);
  if (past === undefined) throw new Error(`no past ${name}`);
  const before = site.signatures();
  const [first] = past.entries;
  const run = first?.type === 'runOpened' || first?.type === 'openingFailed' ? first.run : null;
  const carried = forgedCarried(past.state, past.entries);
  await hostile.launch('becomeGoverned', runWorkflowId(runId), [site.queueOf('engine'), [run, carried]]);
  expect(await endOf(site, runId)).toBe('failed');
  expect(site.strangers.calls.some(({ run_id }) => run_id === runId)).toBe(false);
  expect(await site.store.published(runId)).toBeNull();
  expect(site.signatures()).toBe(before);
});

test('continue as new from a foreign workflow with the ledger of another run: no gate is done', async () => {
  const donor = await site.startRun({ gates: ['P00'] });
  await site.runs.wait(donor.runId);
  const ledger = await site.publishedLedger(donor.runId);
  const segment = await site.store.putObject(Buffer.from(ledger.map((entry) => `${canonicalJson(entry)}\n`).join('')));
  const runId = `run-${randomUUID().slice(0, 13)}`;
  const before = site.signatures();
  const input = { ...(await hostile.startInput(donor.runId)), run_id: runId };
  const carried = {
    ...forgedCarried(forgedLedger(ledger[0]).state(), []),
    head: headOf(ledger),
    segments: [{ sha256: segment.sha256, entries: ledger.length }],
  };
  await hostile.launch('becomeGoverned', runWorkflowId(runId), [site.queueOf('engine'), [input, carried]]);
  expect(await endOf(site, runId)).toBe('failed');
  expect(site.strangers.calls.some(({ run_id }) => run_id === runId)).toBe(false);
  expect(await site.store.published(runId)).toBeNull();
  expect(site.signatures()).toBe(before);
});
