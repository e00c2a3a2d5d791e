import { describe, expect, test } from 'vitest';
import type { Fork } from '../../../src/contracts/run/escalation.js';
import { forkReport } from '../../../src/domain/run/escalations.js';
import { DomainRunWithJournal, journalledPlan } from '../../support/journalled-run.js';

const FORK: Fork = { journal_entries: 9, ledger_entries: 4, missing: 25, missing_sha256: 'a'.repeat(64) };
const MISSING = Array.from({ length: 25 }, (_, index) => `entry ${index + 1}`);
const report = forkReport(FORK, MISSING);

const open = (plan = journalledPlan()) => new DomainRunWithJournal().open(plan);
const forkOf = (run: DomainRunWithJournal) => run.send({ type: 'fork', report }).events.map(({ type }) => type);

test('forkReport: names the first twenty and counts the rest', () => {
  expect(report.context.split('\n')).toHaveLength(21);
  expect(report.context).toContain('- entry 20\n- and 5 more');
  expect(report).toMatchObject({ trigger: 'fork', security_sensitive: true, fork: FORK });
});

test('forkReport: counts agree with their nouns', () => {
  const issueOf = (journal_entries: number) => forkReport({ ...FORK, journal_entries, missing: 1 }, ['one']).issue;
  expect(issueOf(9)).toBe("The ledger does not account for 1 of the 9 entries of the run's journal.");
  expect(issueOf(1)).toBe("The ledger does not account for 1 of the 1 entry of the run's journal.");
});

describe('a fork', () => {
  test('raises one P08; a second one waits until the first is resolved', () => {
    const run = open().runJournalled('P00');
    expect(forkOf(run)).toEqual(['escalationOpened']);
    expect(forkOf(run)).toEqual([]);
  });

  test('takes back a gate that was started meanwhile', () => {
    const run = open();
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    expect(forkOf(run)).toEqual(['gateInterrupted', 'escalationOpened']);
    expect(run.events.at(-2)).toMatchObject({ gate: 'P00', attempt: 1, code: 'FORK' });
  });

  test('is no event before the run is open, after it closed, or without what differs', () => {
    expect(forkOf(new DomainRunWithJournal())).toEqual([]);
    const closed = open();
    closed.send({ type: 'cancel' });
    expect(forkOf(closed)).toEqual([]);
    const { fork: _, ...bare } = report;
    expect(open().send({ type: 'fork', report: bare }).events).toEqual([]);
    expect(open().send({ type: 'fork', report: { ...report, trigger: 'trust' } }).events).toEqual([]);
  });
});

describe('the resolution of a fork', () => {
  const optional = journalledPlan({ authentication: 'optional' });
  const forked = (plan = journalledPlan()) => {
    const run = open(plan).runJournalled('P00');
    forkOf(run);
    return run;
  };

  test('unsigned it does not count, even where unsigned messages do; to abort it does', () => {
    const run = forked(optional);
    for (const choice of ['continue', 'retry'] as const) {
      expect(run.resolve('E1', choice).reason).toBe('SIGNATURE_MISSING');
    }
    expect(run.resolve('E1', 'abort').accepted).toBe(true);
    expect(run.state.outcome).toBe('aborted');
  });

  test('about another report it does not count', () => {
    const run = forked();
    const other = run.signedResolution('E1', { choice: 'continue', report_sha256: '0'.repeat(64) });
    expect(run.deliver('resolution', other).reason).toBe('OUTPUT_MISMATCH');
  });

  test('signed over the report it counts', () => {
    const run = forked();
    expect(run.deliver('resolution', run.signedResolution('E1', { choice: 'continue' })).accepted).toBe(true);
    expect(run.state.escalations).toEqual([]);
  });

  test('there is nothing to continue with when a gate was interrupted; it may be carried out once more', () => {
    const run = open();
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    forkOf(run);
    expect(run.deliver('resolution', run.signedResolution('E1', { choice: 'continue' })).reason).toBe(
      'NOTHING_TO_CONTINUE',
    );
    expect(run.deliver('resolution', run.signedResolution('E1', { choice: 'retry' })).accepted).toBe(true);
  });
});
