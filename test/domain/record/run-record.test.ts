import { describe, expect, test } from 'vitest';
import { runRecordSchema } from '../../../src/contracts/record/run-record.js';
import type { LedgerEntry, LedgerEvent } from '../../../src/contracts/run/ledger.js';
import { closedLedger } from '../../../src/domain/ledger/closed-ledger.js';
import { appendEntry, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { buildPromptSession, sessionOfRun } from '../../../src/domain/record/prompt-session.js';
import { buildRunRecord } from '../../../src/domain/record/run-record.js';
import { attemptHistories } from '../../../src/domain/run/attempt-history.js';
import { type FinishedRunOptions, finishedRun, PLAN, WORKFLOW } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';

async function record(options: FinishedRunOptions = {}) {
  const run = await finishedRun(memoryStore(), options);
  const { session } = buildPromptSession(sessionOfRun(closedLedger(run.entries), ''));
  return {
    run,
    session,
    record: buildRunRecord({ ...run, ledger: closedLedger(run.entries), artifacts: [], session, sealedBy: null }),
  };
}

function appended(entries: readonly LedgerEntry[], ...events: readonly LedgerEvent[]): LedgerEntry[] {
  const all = [...entries];
  for (const event of events) all.push(appendEntry(headOf(all), '2026-01-03T00:00:00.000Z', event));
  return all;
}

describe('run record', () => {
  test('buildRunRecord: the whole story of an approved run, in the shape of its schema', async () => {
    const { run, session, record: built } = await record();
    expect(runRecordSchema.parse(built)).toEqual(built);
    expect(built).toMatchObject({
      run_id: 'run-1',
      outcome: 'approved',
      started_at: run.entries[0]?.at,
      finished_at: run.entries.at(-1)?.at,
      promptos: { version: 'v1.0.0', pack_sha256: PLAN.pack_sha256, lint_passed: true },
      workflow: { namespace: 'default', run_id: WORKFLOW.first_execution_run_id, task_queue: 'q' },
      authentication: 'none',
      attestations: 'optional',
      request_signed_by: null,
      sealed_by: null,
      policy: { self_approval: 'refused', separation: { executors: 'distinct' } },
      roles: {
        writer: { principal: 'quill', keyids: [], executors: [{ program: 'agent', principal: 'quill' }] },
        verifier: { principal: 'lens', executors: [{ principal: 'lens' }] },
        reviewer: { principal: 'fox', executors: [] },
        integrator: [{ principal: 'grace', keyids: [] }],
      },
      ledger: { path: 'evidence/ledger.jsonl', entries: run.head.entries, head: run.head.hash },
      governance: { prompt_artifact_hash: session.artifact_hash, prompt_chain_hash: session.chain_hash },
      refusals: [{ reason: 'ACTOR_UNKNOWN', claimed_actor: 'mallory', decision_id: 'm-1' }],
      refusals_counted: { TOO_LARGE: 3 },
    });
    expect(built.gates.map(({ gate, attempts }) => [gate, attempts.map(({ standing }) => standing)])).toEqual([
      ['P01', ['passed']],
      ['P03', ['voided', 'passed']],
      ['P05', ['voided', 'passed']],
      ['P06', ['voided', 'passed']],
    ]);
  });

  test('buildRunRecord: which sandbox each gate ran in, where its attempts say so', async () => {
    const { record: built } = await record({ sandbox: 'bubblewrap' });
    expect(runRecordSchema.parse(built)).toEqual(built);
    expect(built.sandbox).toEqual({ P01: 'bubblewrap', P03: 'bubblewrap', P05: 'bubblewrap', P06: 'bubblewrap' });
    expect((await record()).record).not.toHaveProperty('sandbox');
  });

  test('buildRunRecord: each attempt has what it was given, what came of it and what was decided', async () => {
    const { record: built } = await record();
    const attempt = (gate: string, number: number) =>
      built.gates.find((found) => found.gate === gate)?.attempts[number - 1];
    expect(attempt('P03', 1)).toMatchObject({ verdict: 'blocked', feedback: [], decisions: [] });
    expect(attempt('P03', 2)?.feedback).toEqual([
      { kind: 'guidance', from_gate: 'P03', by: 'grace', text: 'the first' },
    ]);
    expect(attempt('P05', 2)?.feedback).toEqual([
      { kind: 'rejection', from_gate: 'P06', by: 'grace', text: 'the test fails' },
    ]);
    expect(attempt('P06', 1)).toMatchObject({
      verdict: 'fail',
      findings: [{ id: 'checks-1' }],
      decisions: [{ decision: { choice: 'reject', reason: 'the test fails' } }],
    });
    expect(attempt('P06', 2)).toMatchObject({ feedback: [], tries: [{ number: 1 }], executor: { program: 'agent' } });
  });

  test('buildRunRecord: an escalation with its resolution', async () => {
    const { record: built } = await record();
    expect(built.escalations).toMatchObject([
      {
        escalation_id: 'E1',
        gate: 'P03',
        attempt: 1,
        raised_by: 'quill',
        resolution: { resolution: { choice: 'retry' } },
      },
    ]);
  });

  test('buildRunRecord: an attempt without a decision before the end is open', async () => {
    const { record: built } = await record({ outcome: 'expired' });
    expect(built.outcome).toBe('expired');
    expect(built.gates.at(-1)?.attempts).toMatchObject([{ attempt: 1, verdict: 'fail', standing: 'open' }]);
  });

  test('buildRunRecord: a run that was never opened has no roles and no pack', async () => {
    const { run } = await finishedRun(memoryStore());
    const entries = appended(
      [],
      { type: 'openingFailed', run, workflow: WORKFLOW, code: 'POLICY_NOT_TRUSTED', message: 'no' },
      { type: 'runClosed', outcome: 'failed', reason: 'POLICY_NOT_TRUSTED', refusals_counted: {} },
    );
    const { session } = buildPromptSession(sessionOfRun(closedLedger(entries), ''));
    expect(session).toMatchObject({ lint_passed: false, prompts_used: [] });
    const built = buildRunRecord({
      ledger: closedLedger(entries),
      attempts: new Map(),
      artifacts: [],
      session,
      sealedBy: null,
    });
    expect(runRecordSchema.parse(built)).toMatchObject({
      outcome: 'failed',
      promptos: { pack_sha256: null, lint_passed: false },
      policy: { self_approval: null },
      roles: { writer: null, integrator: [] },
      gates: [{ attempts: [] }, { attempts: [] }, { attempts: [] }, { attempts: [] }],
    });
  });

  test('buildRunRecord: LEDGER_BROKEN without a closing entry', async () => {
    const { run, session } = await record();
    const entries = run.entries.slice(0, -1);
    const build = () =>
      buildRunRecord({ ledger: closedLedger(entries), attempts: run.attempts, artifacts: [], session, sealedBy: null });
    expect(build).toThrow(expect.objectContaining({ code: 'LEDGER_BROKEN' }));
  });

  test('attemptHistories: an interrupted attempt says why, and is void once another follows', async () => {
    const { entries } = await finishedRun(memoryStore(), { outcome: 'expired' });
    const opened = entries.slice(0, 1);
    const start = (attempt: number): LedgerEvent => ({ type: 'gateStarted', gate: 'P01', attempt, principal: 'quill' });
    const interrupted = appended(opened, start(1), {
      type: 'gateInterrupted',
      gate: 'P01',
      attempt: 1,
      code: 'EXECUTOR_NOT_FOUND',
      message: 'no agent',
    });
    expect(attemptHistories(interrupted)).toMatchObject([
      { output_sha256: null, verdict: null, reason: 'EXECUTOR_NOT_FOUND: no agent', standing: 'open' },
    ]);
    expect(attemptHistories(appended(interrupted, start(2)))).toMatchObject([
      { attempt: 1, standing: 'voided' },
      { attempt: 2, standing: 'open', finished_at: null },
    ]);
  });

  test('attemptHistories: waived findings are listed with their attempt', async () => {
    const { entries } = await finishedRun(memoryStore(), { outcome: 'expired' });
    const escalated = entries.slice(0, -1);
    const histories = attemptHistories(
      appended(
        escalated,
        {
          type: 'escalationOpened',
          decision_id: null,
          envelope: null,
          escalation_id: 'E2',
          request_id: 'E2.1',
          gate: 'P06',
          attempt: 1,
          raised_by: 'engine',
          report: {
            trigger: 'rule_violation',
            issue: 'i',
            impact: '',
            context: '',
            options: [],
            recommendation: '',
            security_sensitive: false,
          },
        },
        {
          type: 'escalationResolved',
          envelope: null,
          resolution: {
            decision_id: 'w-1',
            run_id: 'run-1',
            escalation_id: 'E2',
            request_id: 'E2.1',
            policy_sha256: '0'.repeat(64),
            actor: 'grace',
            choice: 'continue',
          },
          waived: ['checks-1'],
        },
      ),
    );
    expect(histories.map(({ gate, waived }) => [gate, waived])).toEqual([
      ['P01', []],
      ['P03', []],
      ['P03', []],
      ['P05', []],
      ['P06', ['checks-1']],
    ]);
  });
});
