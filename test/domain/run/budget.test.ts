import { describe, expect, test } from 'vitest';
import type { Budgets, Spent } from '../../../src/contracts/run/budget.js';
import type { LedgerEntry, LedgerEvent } from '../../../src/contracts/run/ledger.js';
import { appendEntry, EMPTY_LEDGER } from '../../../src/domain/ledger/ledger-chain.js';
import { replayLedger } from '../../../src/domain/ledger/replay-ledger.js';
import { budgetLeft } from '../../../src/domain/run/budget.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { carriedState } from '../../../src/domain/run/run-state.js';
import { describeRun } from '../../../src/domain/run/run-status.js';
import { NOTHING_SPENT, UNKNOWN_TRY } from '../../../src/rules/attempts/spent.js';
import { DomainRun, runInput, runPlan } from '../../support/domain.js';

const spent = (figures: Partial<Spent>): Spent => ({ ...NOTHING_SPENT, tries: 1, ...figures });
const opened = (budgets: Partial<Budgets>): DomainRun =>
  new DomainRun().open(runPlan({ rules_version: 2, budgets: { gates: {}, unknown: 'note', ...budgets } }));
const lastReport = (run: DomainRun) => {
  const event = run.events.filter(({ type }) => type === 'escalationOpened').at(-1);
  return event?.type === 'escalationOpened' ? event.report : null;
};
const outOfBudget = (run: DomainRun, gate: 'P00', figures: Partial<Spent>) =>
  run.send({
    ...{ type: 'interruptGate', gate, attempt: 1, code: 'EXECUTOR_OUT_OF_BUDGET', message: 'stopped' },
    spent: spent(figures),
  });
/** The run's events as a ledger, replayed as a verifier does. */
const replayed = (run: DomainRun) => {
  let head = EMPTY_LEDGER;
  const entries = run.events.map(({ at, ...event }): LedgerEntry => {
    const entry = appendEntry(head, at, event as LedgerEvent);
    head = { entries: entry.seq + 1, hash: entry.hash };
    return entry;
  });
  return replayLedger(entries, { escalationOf: () => undefined, signedMessage: () => null });
};

describe('decide: budgets of a gate and of a run', () => {
  test('a result within its budget goes on as any other', () => {
    const run = opened({ gates: { P00: { tokens: 100 } } }).runGate('P00', { spent: spent({ tokens: 100 }) });
    expect(run.types().at(-1)).toBe('decisionRequested');
  });

  test.each([
    ['tokens', { tokens: 100 }, { tokens: 101 }, '101 of 100 tokens of P00'],
    ['cost', { cost_usd: 0.5 }, { cost_usd: 0.75 }, '$0.75 of $0.5 of P00'],
    ['wall time', { wall_time: 60_000 }, { wall_ms: 61_500 }, '61.5 s of 60 s of wall time of P00'],
  ] as const)('%s: a result beyond the limit raises a P08 with the figures', (_, limit, figures, said) => {
    const run = opened({ gates: { P00: limit } }).runGate('P00', { spent: spent(figures) });
    expect(run.types().slice(-2)).toEqual(['gateFinished', 'escalationOpened']);
    expect(lastReport(run)).toMatchObject({ trigger: 'budget', issue: `The budget is spent: ${said}.` });
    expect(nextStep(run.state).kind).toBe('awaitResolution');
  });

  test('continue goes on with the output that is there, and grants one more budget of the same size', () => {
    const run = opened({ gates: { P00: { tokens: 100 } } }).runGate('P00', { spent: spent({ tokens: 150 }) });
    expect(run.resolve('E1', 'continue')).toMatchObject({ accepted: true });
    expect(run.types().at(-1)).toBe('decisionRequested');
    run.reject('P00');
    expect(budgetLeft(run.state, 'P00')).toEqual({ tokens: 100 });
    run.runGate('P00', { spent: spent({ tokens: 101 }) });
    expect(lastReport(run)?.issue).toBe('The budget is spent: 101 of 100 tokens of P00.');
  });

  test('abort ends the run', () => {
    const run = opened({ gates: { P00: { tokens: 1 } } }).runGate('P00', { spent: spent({ tokens: 2 }) });
    run.resolve('E1', 'abort', { guidance: 'too dear' });
    expect(run.state).toMatchObject({ phase: 'closed', outcome: 'aborted' });
  });

  test('a try that was stopped leaves nothing to continue; retry grants one more budget', () => {
    const run = opened({ gates: { P00: { wall_time: 1_000 } } });
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    outOfBudget(run, 'P00', { wall_ms: 1_000 });
    expect(lastReport(run)).toMatchObject({
      trigger: 'budget',
      issue: expect.stringContaining('1 s of 1 s of wall time'),
    });
    expect(run.resolve('E1', 'continue')).toMatchObject({ accepted: false, reason: 'NOTHING_TO_CONTINUE' });
    expect(run.resolve('E1', 'retry').accepted).toBe(true);
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: 'P00', attempt: 2 });
    expect(budgetLeft(run.state, 'P00')).toEqual({ wall_ms: 1_000 });
  });

  test("the provider's own budget is an infrastructure P08 while the policy's lasts", () => {
    const run = opened({ gates: { P00: { tokens: 100 } } });
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    outOfBudget(run, 'P00', { tokens: 99 });
    expect(lastReport(run)?.trigger).toBe('infrastructure');
  });

  test('attempts: one more than the budget has is not started', () => {
    const run = opened({ gates: { P00: { attempts: 2 } } }).runGate('P00');
    run.reject('P00');
    run.runGate('P00');
    run.reject('P00');
    expect(lastReport(run)?.issue).toBe('The budget is spent: 2 of 2 attempts of P00.');
    run.send({ type: 'startGate', gate: 'P00', attempt: 3 });
    expect(run.state.gates[0]?.attempts).toBe(2);
    run.resolve('E1', 'retry');
    run.runGate('P00');
    expect(run.state.gates[0]?.attempts).toBe(3);
  });

  test('the run: what every gate spent counts together', () => {
    const run = opened({ run: { cost_usd: 1 } }).runGate('P00', { spent: spent({ cost_usd: 0.7 }) });
    run.approve('P00');
    expect(budgetLeft(run.state, 'P01')).toEqual({ cost_usd: 0.3 });
    run.runGate('P01', { spent: spent({ cost_usd: 0.3 }) });
    run.approve('P01');
    expect(lastReport(run)?.issue).toBe('The budget is spent: $1 of $1 of the run.');
    expect(nextStep(run.state).kind).toBe('awaitResolution');
  });

  test('an attempt that ended with an error counts, and as unknown where it does not say what it used', () => {
    const run = opened({ run: { tokens: 1_000 } });
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    run.send({ type: 'interruptGate', gate: 'P00', attempt: 1, code: 'STORE_NOT_READABLE', message: 'gone' });
    run.resolve('E1', 'retry');
    run.send({ type: 'startGate', gate: 'P00', attempt: 2 });
    const known = spent({ tokens: 40, cost_unknown: 1 });
    run.send({ type: 'interruptGate', gate: 'P00', attempt: 2, code: 'EXECUTOR_LOST', message: 'died', spent: known });
    expect(describeRun(run.state, runInput(), EMPTY_LEDGER, null).budgets?.run).toEqual({
      ...{ ...UNKNOWN_TRY, tries: 2, tokens: 40, tokens_unknown: 1, cost_unknown: 2 },
      attempts: 2,
    });
  });

  test('without budgets there is no account: the state is that of before', () => {
    const run = new DomainRun().open(runPlan()).runGate('P00', { spent: spent({ tokens: 9 }) });
    expect(carriedState(run.state)).not.toHaveProperty('spending');
    expect(describeRun(run.state, runInput(), EMPTY_LEDGER, null)).not.toHaveProperty('budgets');
  });
});

describe('replayLedger: budgets', () => {
  const breached = () => {
    const run = opened({ gates: { P00: { tokens: 100, attempts: 1 } } });
    run.runGate('P00', { spent: spent({ tokens: 150 }) });
    run.resolve('E1', 'continue');
    run.approve('P00');
    return run;
  };

  test('a verifier comes to the same account and the same P08', () => {
    const run = breached();
    expect(replayed(run)).toMatchObject({ ok: true, state: { spending: run.state.spending } });
  });

  test('a ledger that hides a breach is refused', () => {
    const run = breached();
    const hidden = new DomainRun();
    hidden.events.push(
      ...run.events.filter(({ type }) => type !== 'escalationOpened' && type !== 'escalationResolved'),
    );
    expect(replayed(hidden)).toMatchObject({ ok: false, code: 'FOLD_DIFFERS', expected: { type: 'escalationOpened' } });
  });

  test('an attempt beyond the budget is refused', () => {
    const run = opened({ gates: { P00: { attempts: 1 } } }).runGate('P00');
    run.reject('P00');
    const at = run.events.at(-1)?.at ?? '';
    const forged = new DomainRun();
    forged.events.push(...run.events.filter(({ type }) => type !== 'escalationOpened'));
    forged.events.push({ type: 'gateStarted', gate: 'P00', attempt: 2, principal: 'wendy', at });
    expect(replayed(forged)).toMatchObject({ ok: false, code: 'FOLD_DIFFERS' });
  });
});
