import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import type { Cancellation, DecisionAnswer } from '../../src/contracts/run/decisions.js';
import { cancellationStatement } from '../../src/domain/attest/acts.js';
import { type AttackSite, createAttackSite } from '../support/attack-site.js';
import { stranger } from '../support/decision-cases.js';
import { eventually, hangs, type WorkedRun } from '../support/governed-worker.js';
import { keyOf } from '../support/signed-run.js';

/*
 * Cancellations of signed runs on a real server, with a worker for each role: through the client, and past it as the
 * Temporal UI or CLI would send them.
 */

let site: AttackSite;
beforeAll(async () => {
  site = await createAttackSite({ address: inject('temporalAddress') });
});
afterAll(() => site.close());

const HOUR = 3_600_000;
const said = (run: WorkedRun, parts: Partial<Cancellation> = {}): Cancellation => ({
  decision_id: randomUUID(),
  run_id: run.runId,
  policy_sha256: site.repository.run.policy_sha256,
  actor: 'ada',
  reason: 'Started from the wrong branch.',
  ...parts,
});
const signed = (run: WorkedRun, parts: Partial<Cancellation> = {}, signer = keyOf(parts.actor ?? 'ada')) => {
  const now = Date.now();
  const times = { decided_at: new Date(now).toISOString(), expires_at: new Date(now + HOUR).toISOString() };
  return signer.seal(cancellationStatement(said(run, { ...times, ...parts })));
};
const update = (run: WorkedRun, cancellation: unknown) =>
  run.handle.executeUpdate<DecisionAnswer, [object]>('decide', { args: [{ kind: 'cancellation', cancellation }] });

async function waitingRun(): Promise<WorkedRun> {
  const run = await site.startRun({ gates: ['P00'] });
  await run.awaitDecision('P00');
  return run;
}
const record = async (run: WorkedRun) => (await site.publishedJson(run.runId, 'run_record.json')) as RunRecord;
/** The tree verifies, and what its reader must not miss. */
async function remarks(run: WorkedRun): Promise<readonly string[]> {
  const verdict = await site.judge(run.runId);
  expect(verdict).toMatchObject({ verified: true, first: null });
  // The executors of this site run within its own process.
  return (verdict?.remarks ?? []).filter((remark) => !remark.startsWith('sandbox: none'));
}

test.each(['ada', 'grace'])('cancel: %s ends the run; the record and the verifier know who signed', async (actor) => {
  const run = await waitingRun();
  const delivery = await site.runs.cancel(said(run, { actor }));
  expect(delivery).toMatchObject({ kind: 'answered', answer: { accepted: true } });
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
  const { outcome, authentication, cancellation } = await record(run);
  expect({ outcome, authentication }).toEqual({ outcome: 'cancelled', authentication: 'signed' });
  expect(cancellation).toMatchObject({
    through: 'promptos',
    by: actor,
    reason: 'Started from the wrong branch.',
    signed_by: keyOf(actor).key.keyid,
  });
  expect(await remarks(run)).toEqual([]);
  expect(await site.publishedJournal(run.runId)).toContain('run-cancellation/v0.1');
});

test('cancel: a signal past every client counts too, and is journalled', async () => {
  const run = await waitingRun();
  await run.handle.signal('cancel', signed(run));
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
  expect(await remarks(run)).toEqual([]);
  expect(await site.publishedJournal(run.runId)).toContain('run-cancellation/v0.1');
});

test('cancel: a gate that runs is stopped', async () => {
  const run = await site.startRun({ gates: ['P00'], scripts: { wendy: [hangs] } });
  await eventually(async () => run.executors.calls[0] ?? null, 'the executor');
  await site.runs.cancel(said(run));
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
  expect(await remarks(run)).toEqual([]);
});

describe('cancel: what does not count', () => {
  let run: WorkedRun;
  beforeAll(async () => {
    run = await waitingRun();
  });

  const CASES: readonly (readonly [name: string, make: () => unknown, reason: string])[] = [
    ['a key that no policy lists', () => signed(run, {}, stranger), 'KEY_UNKNOWN'],
    ["the writer's key", () => signed(run, { actor: 'wendy' }), 'MAY_NOT_CANCEL'],
    ["the writer's key in the developer's name", () => signed(run, {}, keyOf('wendy')), 'SIGNER_MISMATCH'],
    ['no signature', () => said(run), 'SIGNATURE_MISSING'],
    [
      "another message's signature",
      () => ({ ...signed(run), signatures: signed(run, { reason: 'other' }).signatures }),
      'SIGNATURE_INVALID',
    ],
    ['one that was signed for another run', () => signed(run, { run_id: 'another-run' }), 'RUN_MISMATCH'],
    ['one under another policy', () => signed(run, { policy_sha256: '0'.repeat(64) }), 'POLICY_MISMATCH'],
    ['nothing', () => undefined, 'ACTOR_MISSING'],
  ];
  test.each(CASES)('%s, by update and by signal', async (_, make, reason) => {
    const before = (await run.ledger()).length;
    const content = make();
    expect(await update(run, content)).toMatchObject({ accepted: false, reason });
    await run.handle.signal('cancel', ...(content === undefined ? [] : [make()]));
    const refusals = await eventually(async () => {
      const found = (await run.ledger()).slice(before).filter(({ type }) => type === 'refused');
      // The same envelope of a known key is recorded once; the time in each makes them two.
      return found.length >= 2 ? found : null;
    }, 'both refusals');
    expect(refusals).toMatchObject(refusals.map(() => ({ kind: 'cancellation', reason })));
  });

  test('an id that counted for another message; and the run goes on to its end', async () => {
    await site.runs.escalate(
      run.runId,
      { decision_id: 'spent', actor: 'ada', issue: 'stop' },
      site.repository.run.policy_sha256,
    );
    expect(await update(run, signed(run, { decision_id: 'spent' }))).toMatchObject({
      reason: 'DECISION_ALREADY_COUNTED',
    });
    await run.resolve('E1', { choice: 'continue' });
    await run.approve('P00');
    expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect((await record(run)).cancellation).toBeUndefined();
    expect((await site.judge(run.runId))?.verified).toBe(true);
  });

  test('one of a run that has ended, sent to another', async () => {
    const first = await waitingRun();
    const used = signed(first);
    expect(await update(first, used)).toMatchObject({ accepted: true });
    const second = await waitingRun();
    expect(await update(second, used)).toMatchObject({ accepted: false, reason: 'RUN_MISMATCH' });
    await second.approve('P00');
    expect(await site.runs.wait(second.runId)).toMatchObject({ outcome: 'approved' });
  });
});

test("Temporal's own cancellation: ends the run, and is marked in ledger, record, status and verification", async () => {
  const run = await waitingRun();
  await run.handle.cancel();
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
  expect((await site.publishedLedger(run.runId)).at(-1)).toMatchObject({ type: 'runClosed', through: 'temporal' });
  const { authentication, cancellation } = await record(run);
  expect(authentication).toBe('mixed');
  expect(cancellation).toMatchObject({ through: 'temporal', by: null, signed_by: null });
  expect((await run.status()).cancellation).toMatchObject({ through: 'temporal' });
  expect(await remarks(run)).toEqual([expect.stringContaining('cancelled through Temporal')]);
});
