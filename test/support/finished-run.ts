import { publicArtifact, transcriptArtifact } from '../../src/contracts/artifacts.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import { canonicalJson } from '../../src/contracts/json.js';
import { GATES, type GateId, type Outcome, type SandboxKind, type Verdict } from '../../src/contracts/names.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import type { Decision } from '../../src/contracts/run/decisions.js';
import type { LedgerEntry, LedgerEvent, LedgerHead } from '../../src/contracts/run/ledger.js';
import type { GovernedRunInput, RunPlan } from '../../src/contracts/run/run-plan.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import { exampleRequest } from './run-request.js';

const NEVER = 'f'.repeat(64);
const PRINCIPALS = { writer: 'quill', verifier: 'lens', reviewer: 'fox' } as const;

export const PLAN: RunPlan = {
  pack_sha256: '9'.repeat(64),
  lint_passed: true,
  principals: PRINCIPALS,
  integrators: ['grace'],
  known_actors: ['ada', 'grace', ...Object.values(PRINCIPALS)],
  self_approval: 'refused',
  separation: { executors: 'distinct' },
  approvals: { P00: 1, P01: 1, P03: 1, P05: 1, P06: 1, P07: 1 },
  waivable: [],
  rework_rounds: 3,
  deadlines: { remind: 1, escalate: 2, expire: 3 },
  gate_timeout_ms: 1_000,
  authentication: 'optional',
  attestations: 'optional',
  keys: {},
  request_signed_by: null,
  task_queues: { writer: 'q.writer', verifier: 'q.verifier', reviewer: 'q.reviewer' },
};

export const WORKFLOW = {
  namespace: 'default',
  workflow_id: 'promptos/run/run-1',
  first_execution_run_id: '11111111-2222-4333-8444-555555555555',
  task_queue: 'q',
};

export interface FinishedRunOptions {
  readonly runId?: string;
  readonly baseCommit?: string;
  readonly notes?: string;
  /** The bytes of `patch/change.patch` of the second P05. */
  readonly patch?: string;
  readonly title?: string;
  /** The policy's text; the default is none that could be parsed. */
  readonly policy?: string;
  /** What the plan has otherwise. */
  readonly plan?: Partial<RunPlan>;
  /** Without it the run is approved; else it is closed so after the first P06, before anybody decided on it. */
  readonly outcome?: Exclude<Outcome, 'approved'>;
  /** What every executor ran in; absent as in runs from before it was recorded. */
  readonly sandbox?: SandboxKind;
  /** The writer at P05 asked for `m-1`, and this model answered. */
  readonly servedModel?: string;
  /** The second P06 fails too, and grace waives its finding, until then or without an end. Shown by plans of version 2. */
  readonly waiver?: { readonly expires_at?: string };
}

export interface FinishedRun {
  readonly run: GovernedRunInput;
  readonly entries: readonly LedgerEntry[];
  readonly head: LedgerHead;
  readonly outcome: Outcome;
  /** Attempt records by digest. */
  readonly attempts: ReadonlyMap<string, AttemptRecord>;
}

/**
 * A run with an escalation, a send-back and a refusal, its objects put into a store: P01, P03 twice (the first one
 * escalated), P05 and P06 twice (the first P06 failed).
 */
export async function finishedRun(store: ArtifactStore, options: FinishedRunOptions = {}): Promise<FinishedRun> {
  const put = async (text: string): Promise<string> => (await store.putObject(Buffer.from(text))).sha256;
  const request = exampleRequest({ notes: options.notes ?? 'Über-notes' });
  const run: GovernedRunInput = {
    schema_version: 1,
    run_id: options.runId ?? 'run-1',
    developer: 'ada',
    target_repo: 'split-bill',
    base_commit: options.baseCommit ?? 'b'.repeat(40),
    gates: ['P01', 'P03', 'P05', 'P06'],
    request_sha256: await put(canonicalJson(request)),
    policy_sha256: await put(options.policy ?? 'schema_version: 1\nname: ours\n'),
    pack_object_sha256: await put('{"files":{}}'),
    prompt_os_version: 'v1.0.0',
    request_attestation_sha256: null,
  };
  const sandbox = options.sandbox === undefined ? {} : { sandbox: options.sandbox };
  const entries: LedgerEntry[] = [];
  const attempts = new Map<string, AttemptRecord>();
  const outputs = new Map<string, string>();
  const add = (event: LedgerEvent): void => {
    const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678) + entries.length * 1_000).toISOString();
    entries.push(appendEntry(entries.length === 0 ? EMPTY_LEDGER : headOf(entries), at, event));
  };

  const attempt = async (gate: GateId, number: number, verdict: Verdict, files: Readonly<Record<string, string>>) => {
    const principal = PRINCIPALS[GATES[gate].role];
    const other = gate === 'P05' ? (options.servedModel ?? null) : null;
    add({ type: 'gateStarted', gate, attempt: number, principal });
    const refs = async (contents: Readonly<Record<string, string>>) =>
      Promise.all(
        Object.entries(contents).map(async ([path, text]) => ({
          path,
          ...(await store.putObject(Buffer.from(text))),
          media_type: (publicArtifact(gate, number, path) ?? transcriptArtifact(path))?.media_type ?? 'text/plain',
        })),
      );
    const record: AttemptRecord = {
      schema_version: 1,
      run_id: run.run_id,
      gate,
      attempt: number,
      role: GATES[gate].role,
      principal,
      base_commit: run.base_commit,
      request_sha256: run.request_sha256,
      policy_sha256: run.policy_sha256,
      pack_sha256: PLAN.pack_sha256,
      prompt: { prompt_id: gate, version: '1.0.0', sha256: NEVER },
      escalation_prompt_sha256: NEVER,
      executor: {
        kind: 'command',
        principal,
        program: 'agent',
        arguments_sha256: sha256Hex(principal),
        requested_model: other === null ? null : 'm-1',
        served_model: other,
        ...sandbox,
      },
      tries: [
        {
          number: 1,
          rendered_prompt_sha256: sha256Hex(`prompt ${gate}.${number}`),
          exit_code: 0,
          duration_ms: 5,
          problem: null,
          served_model: other,
          ...(gate === 'P05' ? { usage: { input_tokens: 1_200, output_tokens: 34, cost_usd: 0.5 } } : {}),
        },
      ],
      verdict,
      reason: verdict === 'pass' ? null : `${gate} says no`,
      findings:
        verdict === 'fail'
          ? [{ id: 'checks-1', rule: 'checks', severity: 'high', blocking: true, message: 'tests failed' }]
          : other === null
            ? []
            : [{ id: 'served_model-1', rule: 'served_model', severity: 'low', blocking: false, message: 'another' }],
      escalation: null,
      inputs: {},
      artifacts: await refs(files),
      transcripts: await refs({ 'try-1/prompt.md': `prompt ${gate}.${number}`, 'try-1/stdout.txt': '' }),
    };
    const output_sha256 = await put(canonicalJson(record));
    attempts.set(output_sha256, record);
    outputs.set(`${gate}.${number}`, output_sha256);
    const { reason, findings } = record;
    add({
      type: 'gateFinished',
      gate,
      attempt: number,
      verdict,
      reason,
      output_sha256,
      findings,
      findings_omitted: 0,
      attestation: null,
      blocking_omitted: 0,
      severe_omitted: 0,
      ...sandbox,
    });
  };
  const decision = (gate: GateId, number: number, parts: Partial<Decision>): Decision => ({
    decision_id: `d-${entries.length}`,
    run_id: run.run_id,
    gate,
    attempt: number,
    request_id: `${gate}.${number}.1`,
    output_sha256: outputs.get(`${gate}.${number}`) as string,
    policy_sha256: run.policy_sha256,
    actor: 'grace',
    choice: 'approve',
    ...parts,
  });
  const putUp = (gate: GateId, number: number) =>
    add({
      type: 'decisionRequested',
      gate,
      attempt: number,
      request_id: `${gate}.${number}.1`,
      output_sha256: outputs.get(`${gate}.${number}`) as string,
    });
  const approve = (gate: GateId, number: number) => {
    putUp(gate, number);
    add({ type: 'decisionCounted', envelope: null, decision: decision(gate, number, {}) });
    add({ type: 'gatePassed', gate, attempt: number, approved_by: ['grace'] });
  };

  const waive = (end: string | undefined) => {
    const issue = 'The tests fail.';
    const asked = {
      issue,
      impact: '',
      context: '',
      options: ['continue'],
      recommendation: '',
      security_sensitive: false,
    };
    add({
      type: 'escalationOpened',
      ...{ decision_id: null, envelope: null, escalation_id: 'E2', request_id: 'E2.1', gate: 'P06', attempt: 2 },
      ...{ raised_by: 'engine', report: { trigger: 'rule_violation', ...asked } },
    });
    add({
      type: 'escalationResolved',
      envelope: null,
      resolution: {
        ...{ decision_id: 'r-2', run_id: run.run_id, escalation_id: 'E2', request_id: 'E2.1' },
        ...{ policy_sha256: run.policy_sha256, actor: 'grace', choice: 'continue', guidance: 'a known `flake`' },
        ...(end === undefined ? {} : { waiver_expires_at: end }),
      },
      waived: ['checks-1'],
    });
  };

  add({ type: 'runOpened', run, workflow: WORKFLOW, plan: { ...PLAN, ...options.plan } });
  await attempt('P01', 1, 'pass', { 'job.json': JSON.stringify({ title: options.title ?? 'Fix the split' }) });
  add({
    type: 'refused',
    kind: 'decision',
    reason: 'ACTOR_UNKNOWN',
    message: 'nobody of that name',
    claimed_actor: 'mallory',
    decision_id: 'm-1',
  });
  approve('P01', 1);
  await attempt('P03', 1, 'blocked', {});
  const report = {
    trigger: 'executor' as const,
    issue: 'Who gets the cents?',
    impact: 'wrong bills',
    context: '',
    options: ['first', 'last'],
    recommendation: 'the first',
    security_sensitive: false,
  };
  add({
    type: 'escalationOpened',
    decision_id: null,
    envelope: null,
    escalation_id: 'E1',
    request_id: 'E1.1',
    gate: 'P03',
    attempt: 1,
    raised_by: 'quill',
    report,
  });
  add({
    type: 'escalationResolved',
    envelope: null,
    resolution: {
      decision_id: 'r-1',
      run_id: run.run_id,
      escalation_id: 'E1',
      request_id: 'E1.1',
      policy_sha256: run.policy_sha256,
      actor: 'grace',
      choice: 'retry',
      guidance: 'the first',
    },
    waived: [],
  });
  const guidance = { kind: 'guidance', from_gate: 'P03', by: 'grace', text: 'the first' } as const;
  add({ type: 'gateSentBack', to_gate: 'P03', feedback: [guidance], voided: [{ gate: 'P03', attempt: 1 }] });
  await attempt('P03', 2, 'pass', { 'plan.md': '# Plan\n', 'evidence/plan.json': '{}' });
  approve('P03', 2);
  await attempt('P05', 1, 'pass', { 'patch/change.patch': 'first patch' });
  approve('P05', 1);
  await attempt('P06', 1, 'fail', { 'evidence/test_results.json': '{"first":true}' });
  putUp('P06', 1);
  if (options.outcome === undefined) {
    add({
      type: 'decisionCounted',
      envelope: null,
      decision: decision('P06', 1, { choice: 'reject', reason: 'the test fails' }),
    });
    const rejection = { kind: 'rejection', from_gate: 'P06', by: 'grace', text: 'the test fails' } as const;
    const voided = [
      { gate: 'P05', attempt: 1 },
      { gate: 'P06', attempt: 1 },
    ] as const;
    add({ type: 'gateSentBack', to_gate: 'P05', feedback: [rejection], voided: [...voided] });
    await attempt('P05', 2, 'pass', { 'patch/change.patch': options.patch ?? 'second patch' });
    approve('P05', 2);
    const { waiver } = options;
    await attempt('P06', 2, waiver === undefined ? 'pass' : 'fail', {
      'evidence/test_results.json': '{"second":true}',
    });
    if (waiver !== undefined) waive(waiver.expires_at);
    approve('P06', 2);
  }
  const outcome = options.outcome ?? 'approved';
  add({ type: 'runClosed', outcome, reason: `ended as ${outcome}`, refusals_counted: { TOO_LARGE: 3 } });
  return { run, entries, head: headOf(entries), outcome, attempts };
}
