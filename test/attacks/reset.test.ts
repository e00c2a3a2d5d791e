import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { PromptOsError } from '../../src/contracts/errors.js';
import { escalationStatement } from '../../src/domain/attest/acts.js';
import { checkChain, EMPTY_LEDGER } from '../../src/domain/ledger/ledger-chain.js';
import { type AttackSite, answering, createAttackSite, patientScripts } from '../support/attack-site.js';
import { eventually, hangs, type WorkedRun } from '../support/governed-worker.js';
import { createHostileClient, type HostileClient } from '../support/hostile-client.js';
import type { ScriptStep } from '../support/scripted-executor.js';
import { keyOf } from '../support/signed-run.js';

let site: AttackSite;
let hostile: HostileClient;
beforeAll(async () => {
  const address = inject('temporalAddress');
  hostile = await createHostileClient(address);
  site = await createAttackSite({ address });
});
afterAll(async () => {
  await hostile.close();
  await site.close();
});

const GATES = ['P00', 'P01', 'P03'] as const;
const REASON = 'The scope is too wide.';
const POINTS = [0, 0.2, 0.4, 0.6, 0.8, 1] as const;

/** A run with a rejection through one door, approvals through both, and a decision that is pending. */
async function decidedRun(): Promise<WorkedRun> {
  const run = await site.startRun({ gates: GATES });
  await run.approve('P00');
  await run.approve('P01', { choice: 'reject', reason: REASON, decision_id: 'no-1' });
  const again = await eventually(async () => {
    const awaited = await run.awaitDecision('P01');
    return awaited.attempt === 2 ? awaited : null;
  }, 'the second attempt of P01');
  await run.handle.signal('approve', await site.runs.sealDecision(run.decision(again)));
  await run.awaitDecision('P03');
  return run;
}

/** Ids of the people's messages that the ledger has counted. */
const countedIn = (ledger: Awaited<ReturnType<WorkedRun['ledger']>>): readonly string[] =>
  ledger.flatMap((entry) => (entry.type === 'decisionCounted' ? [entry.decision.decision_id] : []));

async function ledgerOnceOpen(run: WorkedRun): Promise<Awaited<ReturnType<WorkedRun['ledger']>>> {
  return eventually(async () => {
    const { awaiting, phase } = await run.status();
    return awaiting.length > 0 || phase === 'closed' ? run.ledger() : null;
  }, 'a request after the Reset');
}

const forkOf = async (run: WorkedRun) =>
  (await run.ledger()).find((entry) => entry.type === 'escalationOpened' && entry.report.trigger === FORK);
const FORK: string = 'fork';

/** Waits for a fork. A message that may still be on its way is waited for half a minute before one is raised. */
const awaitFork = (run: WorkedRun) => {
  const look = () => eventually(async () => (await forkOf(run)) ?? null, 'a fork');
  return look().catch(look);
};

/** Decides whatever is pending in favour of the run, until it has ended. */
async function agree(run: WorkedRun): Promise<void> {
  for (;;) {
    const next = await eventually(async () => {
      const { phase, awaiting } = await run.status();
      return phase === 'closed' ? 'closed' : (awaiting[0] ?? null);
    }, 'a request or the end');
    if (next === 'closed') return;
    const decision_id = randomUUID();
    // A decision that a busy worker did not answer in time waits in the history: it may end the run before this one arrives.
    await (next.kind === 'decision'
      ? site.runs.decide(run.decision(next, { decision_id }))
      : site.runs.resolve(run.resolution(next, { choice: 'continue', decision_id }))
    ).catch((error: unknown) => {
      if (!(error instanceof PromptOsError && error.code === 'RUN_CLOSED')) throw error;
    });
  }
}

describe.each(POINTS)('Reset that excludes signals and updates, to %f of the way', (part) => {
  test('raises a fork for what is missing, and the record shows what that was', async () => {
    const run = await decidedRun();
    const sent = countedIn(await run.ledger());
    await hostile.reset(run.runId, part);
    const kept = countedIn(await ledgerOnceOpen(run));
    const missing = sent.filter((id) => !kept.includes(id));
    if (part === 0) expect(missing).toEqual(sent);
    await agree(run);
    expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    const ledger = await site.publishedLedger(run.runId);
    expect(checkChain(ledger, EMPTY_LEDGER).ok).toBe(true);
    // It is raised before anything new is done: at once, or behind the decision that was pending when it was reset.
    const fork = ledger.find((entry) => entry.type === 'escalationOpened' && entry.report.trigger === FORK);
    if (missing.length > 0) expect(fork).toBeDefined();
    if (missing.includes('no-1')) expect(JSON.stringify(fork)).toContain(REASON);
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
    const published = await site.publishedJournal(run.runId);
    for (const id of sent) expect(published).toContain(id);
  });
});

describe('Reset that excludes signals and updates, after a stop', () => {
  test('an approval of a gate does not replace the answer to the stop, and nothing is published before it', async () => {
    const run = await site.startRun({ gates: ['P00', 'P01'] });
    await run.approve('P00');
    await run.awaitDecision('P01');
    const stop = { actor: 'ada', issue: 'I started the wrong one.', decision_id: 'stop-1' };
    const delivery = await site.runs.escalate(run.runId, stop, site.repository.run.policy_sha256);
    expect(delivery).toMatchObject({ kind: 'answered', answer: { accepted: true } });
    await hostile.reset(run.runId, 0);
    await awaitFork(run);
    for (const gate of ['P00', 'P01'] as const) {
      const pending = (await run.status()).awaiting.find((item) => item.kind === 'decision' && item.gate === gate);
      if (pending?.kind === 'decision') await site.runs.decide(run.decision(pending, { decision_id: randomUUID() }));
    }
    expect(await run.status()).toMatchObject({ phase: 'open' });
    expect(await site.store.published(run.runId)).toBeNull();
    await agree(run);
    expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
    expect(await site.publishedJournal(run.runId)).toContain('stop-1');
  });

  test('one that came past the clients while a gate runs is in the journal before the gate ends', async () => {
    const run = await site.startRun({ scripts: patientScripts({ wendy: [hangs] }) });
    await eventually(async () => run.executors.calls[0] ?? null, 'the executor');
    const times = { decided_at: new Date().toISOString(), expires_at: new Date(Date.now() + 3_600_000).toISOString() };
    const stop = { actor: 'ada', issue: 'Stop.', decision_id: 'stop-2', run_id: run.runId, ...times };
    const envelope = keyOf('ada').seal(escalationStatement(stop, site.repository.run.policy_sha256));
    await run.handle.signal('escalate', envelope);
    await eventually(async () => (await site.journal(run.runId)).includes('stop-2') || null, 'the stop in the journal');
    expect((await run.ledger()).some(({ type }) => type === 'gateFinished')).toBe(false);
    await run.handle.terminate('the test has ended');
  });

  test('a signed resolution of another fork does not count', async () => {
    const run = await decidedRun();
    await hostile.reset(run.runId, 0);
    await awaitFork(run);
    const awaited = (await run.status()).awaiting.find((item) => item.kind === 'resolution');
    if (awaited?.kind !== 'resolution') throw new Error('expected a resolution to be pending');
    const other = run.resolution(awaited, { choice: 'continue', report_sha256: '0'.repeat(64) });
    expect(await site.runs.resolve(other)).toMatchObject({ answer: { accepted: false, reason: 'OUTPUT_MISMATCH' } });
    await run.handle.terminate('the test has ended');
  });

  test('a second Reset, after the fork was resolved, raises a fork that names the resolution', async () => {
    const run = await decidedRun();
    await hostile.reset(run.runId, 0);
    await awaitFork(run);
    const guidance = 'The rejection was answered by mail.';
    await run.resolve('E1', { choice: 'continue', guidance, decision_id: 'resolved-1' });
    await run.awaitDecision('P00');
    await hostile.reset(run.runId, 0);
    const fork = await awaitFork(run);
    if (fork.type !== 'escalationOpened') throw new Error('expected an escalation');
    expect(fork.report.context).toContain('continue of E1.1 by grace');
    await agree(run);
    expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
    expect(await site.publishedJournal(run.runId)).toContain('resolved-1');
  });
});

describe('Reset that drops the result of a gate', () => {
  /** A run whose first gate has given its result; a workflow task ended while it ran, where the run can be reset to. */
  async function resultedRun(next: ScriptStep): Promise<WorkedRun> {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first: ScriptStep = async (call) => {
      await released;
      return answering(call);
    };
    const run = await site.startRun({ gates: ['P00', 'P01'], scripts: { wendy: [first, next, next, next] } });
    await eventually(async () => run.executors.calls[0] ?? null, 'the executor');
    await run.handle.signal('approve', 'anything');
    await eventually(async () => ((await run.status()).refusals > 0 ? true : null), 'the refusal');
    release();
    return run;
  }

  test('gets the same result again: the gate is not carried out once more', async () => {
    // A second request would get another answer.
    const run = await resultedRun(() => ({ answer: 'not what was answered before' }));
    const { output_sha256, attempt } = await run.awaitDecision('P00');
    await hostile.reset(run.runId, 'while a gate ran');
    await eventually(async () => ((await run.types()).includes('gateFinished') ? true : null), 'the result');
    expect(await run.awaitDecision('P00')).toMatchObject({ output_sha256, attempt });
    expect(run.executors.calls).toHaveLength(1);
    await run.handle.terminate('the test has ended');
  });

  test('and has another answer for the gate: the result that its worker signed shows as a fork', async () => {
    const run = await resultedRun(answering);
    await run.awaitDecision('P00');
    await site.stop('writer');
    await hostile.reset(run.runId, 'while a gate ran');
    const { activityId } = await hostile.awaitPending(run.runId, 'promptos_executeGate');
    await hostile.completeById(run.runId, activityId, {});
    await site.start('writer');
    await run.resolve('E1', { choice: 'retry' });
    const fork = await awaitFork(run);
    if (fork.type !== 'escalationOpened') throw new Error('expected an escalation');
    expect(fork.report.context).toContain('the result of P00, attempt 1, signed by wendy: pass');
    await run.handle.terminate('the test has ended');
  });
});
