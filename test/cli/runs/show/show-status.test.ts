import { expect, test } from 'vitest';
import { createOutput } from '../../../../src/cli/app/output.js';
import { modelsOf } from '../../../../src/cli/runs/read/gate-models.js';
import { withModels } from '../../../../src/cli/runs/show/show-run.js';
import { describeGate, describeTrouble, showStatus } from '../../../../src/cli/runs/show/show-status.js';
import { PromptOsError } from '../../../../src/contracts/errors.js';
import type { AwaitedResolution, GateStatus, RunStatus } from '../../../../src/contracts/run/run-status.js';
import { finishedRun } from '../../../support/finished-run.js';
import { memoryStore } from '../../../support/memory-store.js';

const context = 'The program "claude" exists, and this worker may not run it (EACCES).\nWorker: 7@builder';

const awaited = (trigger: AwaitedResolution['trigger']): AwaitedResolution => ({
  kind: 'resolution',
  request_id: 'E1.1',
  escalation_id: 'E1',
  gate: 'P05',
  trigger,
  raised_by: 'engine',
  report_sha256: 'f'.repeat(64),
  report: {
    trigger,
    issue: 'P05 could not be carried out: EXECUTOR_NOT_PERMITTED.',
    impact: '',
    context,
    options: [],
    recommendation: '',
    security_sensitive: false,
  },
  issue: 'P05 could not be carried out: EXECUTOR_NOT_PERMITTED.',
  recommendation: '',
  since: '2026-01-02T03:04:05.678Z',
});

const held: GateStatus = {
  gate: 'P05',
  title: 'Constrained Builder',
  state: 'held',
  attempt: 1,
  verdict: null,
  reason: context,
  output_sha256: null,
  findings: [],
  findings_omitted: 0,
  waived: [],
};

function printed(awaiting: RunStatus['awaiting'], gate = held, earlierRelease = false): string {
  const lines: string[] = [];
  const stdout = { write: (text: string) => lines.push(text) > 0 } as unknown as NodeJS.WriteStream;
  const status: RunStatus = {
    run_id: 'run-1',
    phase: 'open',
    outcome: null,
    outcome_reason: null,
    ...(earlierRelease ? {} : { cancellation: null }),
    developer: 'ada',
    target_repo: 'app',
    base_commit: 'c'.repeat(40),
    policy_sha256: 'd'.repeat(64),
    authentication: 'required',
    self_approval: 'refused',
    integrators: ['grace'],
    gates: [gate],
    awaiting,
    escalations_raised: 1,
    refusals: 0,
    ledger: { entries: 1, hash: 'e'.repeat(64) },
    run_record_sha256: null,
  };
  const output = createOutput({ json: false, stdout, stderr: stdout, stdinIsTerminal: false, noColor: true });
  showStatus(status, { tree: null, ui: null }, output);
  return lines.join('');
}

test('showStatus: an escalation for a gate that could not be carried out shows its cause and the worker', () => {
  for (const trigger of ['infrastructure', 'trust'] as const) {
    const text = printed([awaited(trigger)]);
    expect(text).toContain('        The program "claude" exists, and this worker may not run it (EACCES).\n');
    expect(text).toContain('        Worker: 7@builder\n');
    expect(text).toContain('→ promptos resolve run-1 E1 --choose retry --as grace');
  }
  const other = printed([awaited('executor')]);
  expect(other).not.toContain('        Worker: 7@builder\n');
  expect(other).toContain('→ promptos resolve run-1 E1 --choose rework --to P05 --as grace');
});

test('showStatus: the status that a worker of an earlier release gives, without the field of cancellations, is shown', () => {
  expect(printed([awaited('executor')], held, true)).toBe(printed([awaited('executor')]));
});

test('describeGate: the reason, which is whole sentences, ends the line', () => {
  const failed = { ...held, state: 'awaiting_decision', verdict: 'fail', findings_omitted: 7 } as const;
  expect(describeGate({ ...failed, reason: '5 blocking findings: checks, verifier.' })).toBe(
    '? P05 Constrained Builder  awaiting decision, attempt 1, 7 findings, verdict fail: 5 blocking findings: checks, verifier.',
  );
});

test('describeGate: says that the programs of a gate ran without a sandbox, and only then', () => {
  const passed = { ...held, state: 'passed', verdict: 'pass' } as const;
  expect(describeGate({ ...passed, sandbox: 'none' })).toBe(
    '✓ P05 Constrained Builder  passed, attempt 1, without a sandbox',
  );
  for (const one of [passed, { ...passed, sandbox: 'bubblewrap' } as const]) {
    expect(describeGate(one)).not.toContain('sandbox');
  }
});

test('describeGate: a gate that is held says why', () => {
  expect(describeGate(held)).toBe(
    '! P05 Constrained Builder  held, attempt 1, The program "claude" exists, and this worker may not run it (EACCES). Worker: 7@builder',
  );
});

test('showStatus: what a gate used is a line of its own, where executors say it', () => {
  const usage = { input_tokens: 12_345, output_tokens: 678, cost_usd: 0.5 };
  expect(printed([], { ...held, usage })).toContain('\n      used 12,345 tokens in, 678 out, $0.50\n');
  expect(printed([])).not.toContain('used');
});

const passed: GateStatus = { ...held, gate: 'P06', state: 'passed', verdict: 'pass', reason: null };
const side = (role: 'writer' | 'verifier', model: string | null) => ({
  ...{ gate: role === 'writer' ? ('P05' as const) : ('P06' as const), role, principal: role },
  ...{ model, vendors: [], families: [] },
});

test('showStatus: a gate says which model answered, also one that passed, and when it is another one or unknown', () => {
  const served = (models: NonNullable<GateStatus['models']>) => printed([], { ...passed, models });
  expect(served({ requested: 'm-1', served: 'm-1', other: false })).toContain('      model  m-1\n');
  expect(served({ requested: 'm-1', served: 'n-2', other: true })).toContain(
    'model  n-2: ANOTHER ONE answered, m-1 requested',
  );
  expect(served({ requested: 'm-1', served: null, other: false })).toContain(
    'model  unknown: the executor does not say which one answered, m-1 requested',
  );
  expect(printed([], passed)).not.toContain('model');
});

test('showStatus: a judging gate says whose work it judged, and whether with another model', () => {
  const judged = (verdict: 'independent' | 'same' | 'unknown') =>
    printed([], {
      ...passed,
      independence: [{ judge: side('verifier', 'gpt-5'), judged: side('writer', null), verdict }],
    });
  expect(judged('independent')).toContain('judge  verifier (gpt-5) of writer (model unknown): independent');
  expect(judged('same')).toContain(': NOT INDEPENDENT');
  expect(judged('unknown')).toContain(': NOT KNOWN to be independent');
});

test('withModels: reads the records of the attempts; one that cannot be read hides nothing of the status', async () => {
  const store = memoryStore();
  const { attempts } = await finishedRun(store, { servedModel: 'n-2' });
  const record = [...attempts].find(([, { gate }]) => gate === 'P05');
  if (record === undefined) throw new Error('expected an attempt of P05');
  const { sha256 } = await store.putObject(Buffer.from(JSON.stringify(record[1])));
  const missing = async () => {
    throw new PromptOsError('OBJECT_NOT_FOUND', 'gone');
  };
  const status = { gates: [{ ...held, output_sha256: sha256 }] } as unknown as RunStatus;
  expect((await withModels(store, status)).gates[0]?.models).toEqual({ requested: 'm-1', served: 'n-2', other: true });
  const [first] = record[1].tries;
  if (first === undefined) throw new Error('expected a try');
  const tries = ['n-2', 'm-1'].map((served_model, index) => ({ ...first, number: index + 1, served_model }));
  const executor = { ...record[1].executor, served_model: 'm-1' };
  expect(modelsOf({ executor, tries })).toEqual({ requested: 'm-1', served: 'n-2', other: true });
  const other = { gates: [{ ...held, output_sha256: 'e'.repeat(64) }] } as unknown as RunStatus;
  expect((await withModels({ readObject: missing }, other)).gates).toEqual(other.gates);
});

test('describeTrouble: the next step of an error is there once, also when its message was cut', () => {
  const { message } = new PromptOsError('ENGINE_KEY_MISSING', 'The policy "p" asks for signed records.');
  const trouble = {
    ...({ state: 'retrying', step: 'promptos_finalise', code: 'ENGINE_KEY_MISSING' } as const),
    ...{ worker: null, host: null, tries: 2, next_try_at: null },
  };
  for (const said of [message, message.slice(0, 50)]) {
    const text = describeTrouble('run-1', { ...trouble, message: said }, false).join('\n');
    expect(text.match(/Give the engine's worker its key/g)).toHaveLength(1);
  }
});
