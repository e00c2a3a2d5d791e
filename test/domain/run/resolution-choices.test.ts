import { expect, test } from 'vitest';
import type { ExecuteGateResult } from '../../../src/contracts/run/activities.js';
import type { AwaitedResolution } from '../../../src/contracts/run/run-status.js';
import { answerCommands } from '../../../src/domain/run/answer-commands.js';
import { awaited, describeRun } from '../../../src/domain/run/run-status.js';
import { DomainRun, runInput, runPlan } from '../../support/domain.js';

const finding = (rule: string, number = 1) => ({
  ...{ id: `${rule}-${number}`, rule, severity: 'critical' as const, blocking: true, message: `about ${rule}` },
});
const violated = (...rules: string[]): Partial<ExecuteGateResult> => ({
  verdict: 'fail',
  findings: rules.map((rule) => finding(rule)),
  escalation: {
    ...{ trigger: 'rule_violation', issue: 'i', impact: '', context: '', options: [], recommendation: '' },
    security_sensitive: false,
  },
});

/** A run whose P00 failed, and the escalation that it raised. */
function failed(waivable: readonly string[], ...rules: string[]): { run: DomainRun; open: AwaitedResolution } {
  const run = new DomainRun()
    .open(runPlan({ rules_version: 3, waivable: [...waivable] }))
    .runGate('P00', violated(...rules));
  const [open] = awaited(run.state);
  if (open?.kind !== 'resolution') throw new Error('no escalation');
  return { run, open };
}

test('resolutionChoices: where nothing is waivable, to continue is not offered', () => {
  expect(failed([], 'scope').open.choices).toEqual(['retry', 'rework', 'abort']);
  expect(failed(['secrets'], 'secrets').open.choices).toEqual(['retry', 'rework', 'abort']);
});

test('resolutionChoices: one finding that stays is enough', () => {
  expect(failed(['scope'], 'scope', 'plan').open.choices).toEqual(['retry', 'rework', 'abort']);
});

test('resolutionChoices: where all can be waived, that comes after what settles the findings', () => {
  expect(failed(['scope', 'plan'], 'scope', 'plan').open.choices).toEqual(['retry', 'rework', 'continue', 'abort']);
});

test("resolutionChoices: what may be a person's own work is continued first", () => {
  expect(failed([], 'repository_changed').open.choices).toEqual(['continue', 'retry', 'rework', 'abort']);
});

test('answerCommands: follows the choices that lead somewhere, in their order', () => {
  const { run, open } = failed([], 'scope');
  const status = describeRun(run.state, runInput(), { entries: 1, hash: 'a'.repeat(64) }, null);
  const choices = (about: AwaitedResolution) => answerCommands(status, about, 'grace').map(({ choice }) => choice);
  expect(choices(open)).toEqual(['retry', 'rework', 'abort']);
  const { choices: _, ...earlier } = open;
  expect(choices(earlier)).toEqual(['continue', 'retry', 'rework', 'abort']);
});
