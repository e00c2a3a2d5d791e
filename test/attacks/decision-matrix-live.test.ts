import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { GateId } from '../../src/contracts/names.js';
import type { Decision, DecisionAnswer } from '../../src/contracts/run/decisions.js';
import type { AwaitedDecision } from '../../src/contracts/run/run-status.js';
import { decisionStatement, resolutionStatement } from '../../src/domain/attest/acts.js';
import { type AttackSite, createAttackSite } from '../support/attack-site.js';
import { DECISION_CASES, type DecidingRun, signalOf } from '../support/decision-cases.js';
import { eventually, type WorkedRun } from '../support/governed-worker.js';
import { keyOf } from '../support/signed-run.js';

let site: AttackSite;
beforeAll(async () => {
  site = await createAttackSite({ address: inject('temporalAddress') });
});
afterAll(() => site.close());

const HOUR = 3_600_000;

/** The messages of the pure domain's cases, for a run of the server that awaits P00.1.1. */
function deciding(run: WorkedRun, awaited: AwaitedDecision): DecidingRun {
  const now = Date.now();
  const times = () => ({ decided_at: new Date(now).toISOString(), expires_at: new Date(now + HOUR).toISOString() });
  const decision = (gate: GateId, overrides: Partial<Decision> = {}): Decision =>
    run.decision(awaited, { decision_id: randomUUID(), gate, ...overrides });
  return {
    now,
    times,
    decision,
    signedDecision: (gate, overrides = {}, signer = keyOf('grace')) =>
      signer.seal(decisionStatement(decision(gate, { ...times(), ...overrides }))),
    signedResolution: (escalation) =>
      keyOf('grace').seal(
        resolutionStatement({
          decision_id: randomUUID(),
          run_id: run.runId,
          escalation_id: escalation,
          request_id: `${escalation}.1`,
          policy_sha256: site.repository.run.policy_sha256,
          report_sha256: '0'.repeat(64),
          actor: 'grace',
          choice: 'retry',
          ...times(),
        }),
      ),
  };
}

async function waitingRun(): Promise<{ readonly run: WorkedRun; readonly awaited: AwaitedDecision }> {
  const run = await site.startRun({ gates: ['P00'] });
  return { run, awaited: await run.awaitDecision('P00') };
}

/** Sends a message as the Temporal UI or CLI would, past every client of ours. @returns the reason of its refusal */
const DOORS: Readonly<Record<string, (run: WorkedRun, content: unknown) => Promise<string | null>>> = {
  'the update': async (run, content) => {
    const message = { kind: 'decision', decision: content };
    const answer = await run.handle.executeUpdate<DecisionAnswer, [object]>('decide', { args: [message] });
    return answer.reason;
  },
  'the signal': async (run, content) => {
    const before = await run.types();
    await run.handle.signal(signalOf(content), ...(content === undefined ? [] : [content]));
    const entry = await eventually(
      async () => (await run.ledger()).slice(before.length).find(({ type }) => OUTCOMES.includes(type)) ?? null,
      'the judgement of the message',
    );
    return entry.type === 'refused' ? entry.reason : null;
  },
};
const OUTCOMES: readonly string[] = ['refused', 'decisionCounted'];

const counting = DECISION_CASES.filter(([, , reason]) => reason === null);
const refused = DECISION_CASES.filter(([, , reason]) => reason !== null);

describe.each(Object.keys(DOORS))('signed decision on a real server through %s', (name) => {
  const send = (run: WorkedRun, content: unknown) => DOORS[name]?.(run, content);
  let target: Awaited<ReturnType<typeof waitingRun>>;
  beforeAll(async () => {
    target = await waitingRun();
  });

  test.each(counting)('%s', async (_, act) => {
    const { run, awaited } = await waitingRun();
    expect(await send(run, act(deciding(run, awaited)))).toBeNull();
    expect(await run.types()).toContain('decisionCounted');
    await run.handle.terminate('the test has ended').catch(() => undefined);
  });

  test.each(refused)('%s: refused, and the request is pending as before', async (_, act, reason) => {
    const { run, awaited } = target;
    expect(await send(run, act(deciding(run, awaited)))).toBe(reason);
    const { awaiting } = await run.status();
    expect(awaiting).toMatchObject([{ request_id: awaited.request_id, approved_by: [] }]);
  });

  test('a run that has taken all of these still counts an honest one, and its record verifies', async () => {
    const { run, awaited } = target;
    expect(await send(run, deciding(run, awaited).signedDecision('P00'))).toBeNull();
    expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    const ledger = await site.publishedLedger(run.runId);
    expect(ledger.filter(({ type }) => type === 'refused')).toHaveLength(refused.length);
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
  });
});
