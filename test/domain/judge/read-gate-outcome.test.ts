import { describe, expect, test } from 'vitest';
import { readGateOutcome } from '../../../src/domain/judge/gate-result.js';

const FINDING = { id: 'scope-1', rule: 'scope', severity: 'high', blocking: true, message: 'out of scope' };
const REPORT = {
  trigger: 'executor',
  issue: 'Who pays?',
  impact: '',
  context: '',
  options: ['the last'],
  recommendation: '',
  securitySensitive: false,
};
const GOOD = {
  verdict: 'fail',
  reason: 'it fails',
  findings: [{ ...FINDING, path: 'src/a.ts', line: 3, fingerprint: 'f'.repeat(16) }],
  findingsOmitted: 1,
  blockingOmitted: 1,
  severeOmitted: 0,
  escalation: REPORT,
};
const read = (parts: object) => readGateOutcome({ ...GOOD, ...parts }, 'e'.repeat(64));
const finding = (parts: object) => ({ findings: [{ ...FINDING, ...parts }] });
const report = (parts: object) => ({ escalation: { ...REPORT, ...parts } });

describe('readGateOutcome', () => {
  test('reads what the worker states', () => {
    const { securitySensitive, ...said } = REPORT;
    expect(read({ more: 'is of another reader' })).toEqual({
      verdict: 'fail',
      reason: 'it fails',
      output_sha256: 'e'.repeat(64),
      findings: GOOD.findings,
      findings_omitted: 1,
      blocking_omitted: 1,
      severe_omitted: 0,
      escalation: { ...said, security_sensitive: securitySensitive },
    });
    expect(read({ reason: null, findings: [], escalation: null })).toMatchObject({ escalation: null });
    expect(read({ sandbox: 'none' })).toMatchObject({ sandbox: 'none' });
  });

  test.each<[string, object]>([
    ['an unknown verdict', { verdict: 'maybe' }],
    ['an unknown sandbox', { sandbox: 'paper' }],
    ['a sandbox that is null', { sandbox: null }],
    ['no verdict', { verdict: undefined }],
    ['a reason that is no text', { reason: 7 }],
    ['a reason that is missing', { reason: undefined }],
    ['a reason that is too long', { reason: 'x'.repeat(2_001) }],
    ['findings that are no list', { findings: { 0: FINDING, length: 1 } }],
    ['too many findings', { findings: Array.from({ length: 51 }, () => FINDING) }],
    ['a finding that is null', { findings: [null] }],
    ['a finding with a field more', finding({ waived: true })],
    ['a finding without an id', finding({ id: '' })],
    ['a finding whose id is too long', finding({ id: 'x'.repeat(81) })],
    ['a finding without a rule', finding({ rule: undefined })],
    ['a finding of no known severity', finding({ severity: 'mild' })],
    ['a finding that does not say whether it blocks', finding({ blocking: 'no' })],
    ['a finding without a message', finding({ message: '' })],
    ['a finding with an empty path', finding({ path: '' })],
    ['a finding at line 0', finding({ line: 0 })],
    ['a finding at line 1.5', finding({ line: 1.5 })],
    ['a finding with an empty fingerprint', finding({ fingerprint: '' })],
    ['a finding whose fingerprint is of another length', finding({ fingerprint: 'f'.repeat(64) })],
    ['a report without an issue', report({ issue: '' })],
    ['a number of findings left out below zero', { findingsOmitted: -1 }],
    ['a number of findings left out in words', { blockingOmitted: 'none' }],
    ['no number of findings left out', { severeOmitted: undefined }],
    ['an escalation that is a list', { escalation: [REPORT] }],
    ['no word on the escalation', { escalation: undefined }],
    ['a report with a field more', report({ fork: {} })],
    ...['fork', 'hold', 'person', 'deadline', 'rework_bound', 'trust', 'infrastructure'].map(
      (trigger): [string, object] => [`a report of the trigger ${trigger}, which no gate finds`, report({ trigger })],
    ),
    ['a report of no known trigger', report({ trigger: 'mood' })],
    ['a report whose issue is too long', report({ issue: 'x'.repeat(4_001) })],
    ['a report without a context', report({ context: undefined })],
    ['a report with too many options', report({ options: Array.from({ length: 9 }, () => 'a') })],
    ['a report whose options are a text', report({ options: 'any' })],
    ['a report with an option that is no text', report({ options: [1] })],
    ['a report that does not say whether it is sensitive', report({ securitySensitive: 0 })],
  ])('gives null for %s', (_, parts) => {
    expect(read(parts)).toBeNull();
  });
});
