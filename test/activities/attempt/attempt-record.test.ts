import { describe, expect, test } from 'vitest';
import { boundedOutcome } from '../../../src/activities/attempt/judge-attempt.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import { PATCH_INPUT_BYTES, patchInput } from '../../../src/prompt-pack/render.js';
import { executorEscalation, findingsEscalation } from '../../../src/rules/escalation-report.js';
import type { JudgedFinding } from '../../../src/rules/outputs/judged-output.js';

const finding = (rule: string, number: number, parts: Partial<Finding> = {}): Finding => ({
  id: `${rule}-${number}`,
  rule,
  severity: 'medium',
  blocking: false,
  message: 'm',
  ...parts,
});

const record = (findings: Finding[], parts: Partial<AttemptRecord> = {}): AttemptRecord => ({
  schema_version: 1,
  run_id: '20260102-fix-split',
  gate: 'P05',
  attempt: 1,
  role: 'writer',
  principal: 'nina',
  base_commit: 'a'.repeat(40),
  request_sha256: 'b'.repeat(64),
  policy_sha256: 'c'.repeat(64),
  pack_sha256: 'd'.repeat(64),
  prompt: { prompt_id: 'P05', version: '1.0.0', sha256: 'e'.repeat(64) },
  escalation_prompt_sha256: 'f'.repeat(64),
  executor: {
    kind: 'scripted',
    principal: 'nina',
    program: 'script',
    arguments_sha256: '0'.repeat(64),
    requested_model: null,
    served_model: null,
  },
  tries: [],
  verdict: 'fail',
  reason: null,
  findings,
  escalation: null,
  inputs: {},
  artifacts: [],
  transcripts: [],
  ...parts,
});

describe('boundedOutcome', () => {
  test('a blocking finding that cannot be waived is never among those left out', () => {
    const waivable = Array.from({ length: 30 }, (_, index) =>
      finding('size', index + 1, { severity: 'critical', blocking: true }),
    );
    const unblocking = Array.from({ length: 30 }, (_, index) => finding('review', index + 1, { severity: 'critical' }));
    const firm = finding('plan_scope', 1, { severity: 'low', blocking: true });
    const { findings, findings_omitted } = boundedOutcome(record([...unblocking, ...waivable, firm]), 'a'.repeat(64), {
      waivable: ['size'],
    });
    expect(findings).toHaveLength(20);
    expect(findings_omitted).toBe(41);
    expect(findings[0]).toEqual(firm);
    expect(findings.slice(1).every(({ rule }) => rule === 'size')).toBe(true);
  });

  test('of the findings that are left out, the blocking and the severe ones are counted', () => {
    const waivable = Array.from({ length: 18 }, (_, index) => finding('size', index + 1, { blocking: true }));
    const blocking = ['low', 'high', 'low'] as const;
    const unblocking = ['critical', 'high', 'medium', 'low'] as const;
    const all = [
      ...waivable,
      ...blocking.map((severity, index) => finding('checks', index + 1, { severity, blocking: true })),
      ...unblocking.map((severity, index) => finding('review', index + 1, { severity })),
    ];
    const { findings, ...counts } = boundedOutcome(record(all), 'a'.repeat(64), { waivable: ['size', 'checks'] });
    expect(findings).toHaveLength(20);
    expect(counts).toMatchObject({ findings_omitted: 5, blocking_omitted: 1, severe_omitted: 2 });
  });

  test('texts are cut, in the result only', () => {
    const long = finding('scope', 1, { message: 'm'.repeat(2_000), path: 'p'.repeat(900) });
    const result = boundedOutcome(record([long], { reason: 'r'.repeat(2_000) }), 'a'.repeat(64), { waivable: [] });
    expect(result.findings[0]?.message).toHaveLength(300);
    expect(result.findings[0]?.path).toHaveLength(300);
    expect(result.reason).toHaveLength(300);
    expect(long.message).toHaveLength(2_000);
  });
});

describe('escalation reports', () => {
  const rules = (rulesVersion: number, waivable: readonly string[] = []) => ({ rulesVersion, waivable });
  const raising = (rule: string, escalates: JudgedFinding['escalates']): JudgedFinding => ({
    rule,
    severity: 'critical',
    blocking: true,
    message: `about ${rule}`,
    ...(escalates === undefined ? {} : { escalates }),
  });

  test('nothing that escalates raises nothing', () => {
    expect(findingsEscalation('P05', 1, [raising('build', undefined)], rules(2))).toBeNull();
  });

  test('several become one, which lists all and takes the gravest trigger', () => {
    const report = findingsEscalation(
      'P05',
      2,
      [raising('review', 'critical_finding'), raising('secrets', 'rule_violation'), raising('build', undefined)],
      rules(2),
    );
    expect(report).toMatchObject({
      trigger: 'rule_violation',
      issue: 'review: about review\nsecrets: about secrets',
      context: 'P05, attempt 2: 2 findings escalate (review, secrets).',
      security_sensitive: true,
    });
  });

  test('one finding escalates; before version 2 of the rules the text had a plural', () => {
    const context = (version: number) =>
      findingsEscalation('P05', 1, [raising('secrets', 'rule_violation')], rules(version))?.context;
    expect(context(2)).toBe('P05, attempt 1: 1 finding escalates (secrets).');
    expect(context(1)).toBe('P05, attempt 1: 1 findings escalate (secrets).');
  });

  test('a report offers to waive where a waiver can let the attempt pass, and before version 3 always', () => {
    const findings = [raising('scope', 'rule_violation'), raising('build', undefined)];
    const options = (version: number, waivable: readonly string[]) =>
      findingsEscalation('P05', 1, findings, rules(version, waivable))?.options.map((option) => option.split(':')[0]);
    expect(options(3, [])).toEqual(['retry', 'rework', 'abort']);
    expect(options(3, ['scope'])).toEqual(['retry', 'rework', 'abort']);
    expect(options(3, ['scope', 'build'])).toEqual(['retry', 'rework', 'continue', 'abort']);
    expect(options(2, [])).toEqual(['retry', 'rework', 'continue', 'abort']);
  });

  test("an executor's report keeps its words and carries the engine's own beside them", () => {
    const report = {
      issue: 'I must stop.',
      impact: '',
      context: '',
      options: ['retry'],
      recommendation: '',
      security_sensitive: false,
    };
    expect(executorEscalation(report, null)).toEqual({ ...report, trigger: 'executor' });
    const raised = findingsEscalation('P06', 1, [raising('secrets', 'rule_violation')], rules(2));
    expect(executorEscalation(report, raised)).toMatchObject({
      trigger: 'executor',
      issue: 'I must stop.\nsecrets: about secrets',
      security_sensitive: true,
    });
  });
});

test('patchInput: a long patch is cut, and says so', () => {
  const patch = (length: number) => ({
    start: new Uint8Array(length).fill(120),
    bytes: length,
    sha256: 'a'.repeat(64),
    files: [],
    findings: [],
  });
  expect(patchInput(patch(PATCH_INPUT_BYTES))).toMatchObject({ cut: false, text: 'x'.repeat(PATCH_INPUT_BYTES) });
  expect(patchInput(patch(PATCH_INPUT_BYTES + 1))).toMatchObject({
    cut: true,
    bytes: PATCH_INPUT_BYTES + 1,
    text: expect.stringMatching(/x\n\[cut: the first 200000 of 200001 bytes; the checkout holds the whole change\]\n$/),
  });
});
