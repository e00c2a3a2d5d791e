import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { promptSessionSchema } from '../../../src/contracts/record/prompt-session.js';
import { runRecordSchema } from '../../../src/contracts/record/run-record.js';
import { closedLedger } from '../../../src/domain/ledger/closed-ledger.js';
import { prBlock } from '../../../src/domain/record/pr-block.js';
import { buildPromptSession, sessionOfRun } from '../../../src/domain/record/prompt-session.js';
import { buildRunRecord } from '../../../src/domain/record/run-record.js';
import { finishedRun } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';

async function input() {
  const run = await finishedRun(memoryStore(), { outcome: 'expired' });
  const { session } = buildPromptSession(sessionOfRun(closedLedger(run.entries), ''));
  return {
    session,
    record: buildRunRecord({ ...run, ledger: closedLedger(run.entries), artifacts: [], session, sealedBy: null }),
    recordSha256: 'a'.repeat(64),
  };
}

test('prBlock: a value with backticks or newlines stays one code span on one line', async () => {
  const given = await input();
  const lines = prBlock({ ...given, session: { ...given.session, developer: 'a `b` ``c``', target_repo: 'x\n> - y' } });
  expect(lines.split('\n').slice(4, 6)).toEqual(['> - Developer: ``` a `b` ``c`` ```', '> - Target Repo: `x > - y`']);
});

test('prBlock: says when the policy lets the developer decide, and only then', async () => {
  const given = await input();
  expect(prBlock(given)).not.toContain('Self-Approval');
  const { policy } = given.record;
  const allowed = { ...given.record, policy: { ...policy, self_approval: 'allowed' as const } };
  expect(prBlock({ ...given, record: allowed })).toContain('> - Self-Approval: ');
});

test('prBlock: says when the policy lets roles share an executor, and only then', async () => {
  const given = await input();
  expect(prBlock(given)).not.toContain('Separation');
  const separation = { executors: 'any' } as const;
  const shared = { ...given.record, policy: { ...given.record.policy, separation } };
  expect(prBlock({ ...given, record: shared })).toContain('> - Separation: ');
});

test('prBlock: says what had no sandbox, and only then, below the six fixed lines', async () => {
  const given = await input();
  expect(prBlock(given)).not.toContain('Sandbox');
  const boxed = { ...given.record, sandbox: { P05: 'bubblewrap', checks: 'bubblewrap' } as const };
  expect(prBlock({ ...given, record: boxed })).not.toContain('Sandbox');
  const open = { ...given.record, sandbox: { P05: 'none', P06: 'bubblewrap', checks: 'none' } as const };
  const lines = prBlock({ ...given, record: open }).split('\n');
  expect(lines.slice(0, 6)).toEqual(prBlock(given).split('\n').slice(0, 6));
  expect(lines).toContain(
    "> - Sandbox: none for P05 and the checks, so their programs could read and change whatever the worker's account can",
  );
});

test('prBlock: says when judges are not independent, when another model answered, and when a budget was spent', async () => {
  const given = await input();
  expect(prBlock(given)).not.toMatch(/^> - (?:Models|Independence|Budget):/m);
  const { record } = given;
  const side = (role: 'writer' | 'verifier', gate: 'P05' | 'P06') =>
    ({ gate, role, principal: role, model: 'gpt-5', vendors: ['openai'], families: ['gpt'] }) as const;
  const compared = { judge: side('verifier', 'P06'), judged: side('writer', 'P05') };
  const comparisons = [{ ...compared, verdict: 'same' as const }];
  const alike = { ...record, independence: { models: 'prefer' as const, by: 'vendor' as const, comparisons } };
  expect(prBlock({ ...given, record: alike as unknown as typeof record }).split('\n')).toContain(
    '> - Independence: verifier and writer are of one vendor',
  );
  const [one] = record.gates.flatMap(({ attempts }) => attempts);
  if (one?.executor == null) throw new Error('expected an attempt');
  const finding = {
    id: 'served_model-1',
    rule: 'served_model',
    severity: 'low',
    blocking: false,
    message: 'm',
  } as const;
  const other = {
    ...one,
    standing: 'passed' as const,
    executor: { ...one.executor, requested_model: 'gpt-5', served_model: 'gpt-4' },
    tries: [],
    findings: [finding],
  };
  const withAttempt = (standing: 'passed' | 'voided') => ({
    ...record,
    gates: [{ gate: 'P05' as const, phase: 'passed', attempts: [{ ...other, standing }] }],
  });
  expect(prBlock({ ...given, record: withAttempt('passed') }).split('\n')).toContain(
    '> - Models: P05 asked for `gpt-5`, answered by `gpt-4`',
  );
  expect(prBlock({ ...given, record: withAttempt('voided') })).not.toContain('Models:');
  const [tried] = one.tries;
  if (tried === undefined) throw new Error('expected a try');
  const changed = {
    ...other,
    executor: { ...other.executor, served_model: 'gpt-5' },
    tries: ['gpt-4', 'gpt-5'].map((served_model, index) => ({ ...tried, number: index + 1, served_model })),
  };
  const between = { ...record, gates: [{ gate: 'P05' as const, phase: 'passed', attempts: [changed] }] };
  expect(prBlock({ ...given, record: between }).split('\n')).toContain(
    '> - Models: P05 asked for `gpt-5`, answered by `gpt-4`',
  );
});

test('prBlock: says for which gates the served model is unknown, not of void attempts, nor of a person, nor of old records', async () => {
  const given = await input();
  const { record } = given;
  const [one] = record.gates.flatMap(({ attempts }) => attempts);
  const [tried] = one?.tries ?? [];
  if (one?.executor == null || tried === undefined) throw new Error('expected an attempt with a try');
  const { executor } = one;
  const started = { ...tried, served_model: null, parameters: { argv: ['agent'] } };
  const passed = { ...one, standing: 'passed' as const, tries: [started] };
  const modelsLine = (...attempts: readonly (typeof one)[]) => {
    const gates = attempts.map((attempt, index) => ({
      gate: index === 0 ? ('P00' as const) : ('P05' as const),
      phase: 'passed',
      attempts: [attempt],
    }));
    const block = prBlock({ ...given, record: { ...record, gates } });
    return block.split('\n').find((line) => line.startsWith('> - Models:')) ?? null;
  };
  expect(modelsLine(passed)).toBe('> - Models: UNKNOWN for P00: its executor does not say which one answered');
  const asked = { ...passed, executor: { ...executor, requested_model: 'gpt-5' } };
  expect(modelsLine(passed, asked)).toBe(
    '> - Models: UNKNOWN for P00, P05: their executors do not say which one answered (`gpt-5` requested)',
  );
  const elsewhere = (program: string) => ({
    ...passed,
    executor: { ...executor, kind: 'handoff', program, sandbox: 'elsewhere' as const },
    tries: [tried],
  });
  expect(modelsLine(elsewhere('agent'))).toContain('UNKNOWN for P00');
  const silent = [
    { ...passed, standing: 'voided' as const },
    { ...passed, tries: [started, { ...started, number: 2, served_model: 'gpt-5' }] },
    { ...passed, tries: [{ ...tried, served_model: null }] },
    elsewhere('person'),
  ];
  expect(silent.map((attempt) => modelsLine(attempt))).toEqual(silent.map(() => null));
  const finding = {
    ...{ id: 'served_model-1', rule: 'served_model', severity: 'low' as const, blocking: false, message: 'm' },
  };
  const another = {
    ...asked,
    tries: [{ ...started, served_model: 'gpt-4' }],
    findings: [finding],
  };
  expect(modelsLine(another, passed)).toBe(
    '> - Models: P00 asked for `gpt-5`, answered by `gpt-4`; UNKNOWN for P05: its executor does not say which one answered',
  );
});

test('prBlock: says how often a budget was spent, and who granted more', async () => {
  const run = await finishedRun(memoryStore(), { outcome: 'expired' });
  const given = await input();
  const report = {
    trigger: 'budget' as const,
    issue: 'i',
    impact: 'i',
    context: 'c',
    options: ['abort: end'],
    recommendation: 'r',
    security_sensitive: false,
  };
  const raised = {
    escalation_id: 'E-1',
    opened_at: run.entries[0]?.at ?? '',
    gate: 'P05' as const,
    attempt: 1,
    raised_by: 'engine',
    signed_by: null,
    report,
    resolution: null,
  };
  const block = prBlock({ ...given, record: { ...given.record, escalations: [raised, raised] } });
  expect(block.split('\n')).toContain('> - Budget: spent 2 times');
});

test.each([
  ['signed', '> - Authentication: signed'],
  ['mixed', '> - Authentication: mixed, so the names of those who did not sign are claims'],
  ['none', "> - Authentication: none, so the deciders' names are claims"],
] as const)('prBlock: says that the authentication is %s', async (authentication, line) => {
  const given = await input();
  const block = prBlock({ ...given, record: { ...given.record, authentication } });
  expect(block.split('\n')).toContain(line);
});

test('prBlock: a run in which nothing was approved says so', async () => {
  const given = await input();
  expect(prBlock({ ...given, record: { ...given.record, gates: [] } })).toContain('> - Approvals: none');
});

test.each([
  [1, '1 entry of the journal is not part of the run'],
  [2, '2 entries of the journal are not part of the run'],
])('prBlock: a fork of %d', async (missing, counts) => {
  const given = await input();
  const tree = new URL('../../vectors/trees/forked/run_record.json', import.meta.url);
  const [forked] = runRecordSchema.parse(JSON.parse(readFileSync(tree, 'utf8'))).escalations;
  if (forked?.report.fork === undefined) throw new Error('the recorded run has no fork');
  const report = { ...forked.report, fork: { ...forked.report.fork, missing } };
  const block = prBlock({ ...given, record: { ...given.record, escalations: [{ ...forked, report }] } });
  expect(block).toContain(`> - Fork E1: ${counts}, accepted by`);
});

test('prBlock: runs of released shapes have no line that their blocks would have to have since', () => {
  const trees = new URL('../../vectors/trees/', import.meta.url);
  for (const name of readdirSync(trees)) {
    const read = (path: string) => JSON.parse(readFileSync(new URL(`${name}/${path}`, trees), 'utf8'));
    const record = runRecordSchema.parse(read('run_record.json'));
    const session = promptSessionSchema.parse(read('evidence/prompt_session.json'));
    const block = prBlock({ session, record, recordSha256: 'a'.repeat(64) });
    expect(block, name).not.toMatch(/^> - (?:Models|Independence|Budget):/m);
  }
});
