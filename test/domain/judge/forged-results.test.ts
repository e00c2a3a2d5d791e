import { expect, test } from 'vitest';
import { ESCALATION_TRIGGERS, type EscalationTrigger, GATE_TRIGGERS } from '../../../src/contracts/names.js';
import type { FinaliseResult, SentGateResult } from '../../../src/contracts/run/activities.js';
import type { EscalationReport } from '../../../src/contracts/run/escalation.js';
import { isSealed } from '../../../src/domain/ledger/closed-ledger.js';
import { DomainRun, runPlan } from '../../support/domain.js';
import { SignedRun, signedPlan } from '../../support/signed-run.js';

/** What the server delivers when another client has completed an activity. */
const SHAPES: readonly (readonly [string, unknown])[] = [
  ['nothing', null],
  ['undefined', undefined],
  ['a number', 7],
  ['text', 'published'],
  ['a list', [1]],
  ['an object without fields', {}],
  ['an attestation that is text', { attestation: 'signed' }],
  ['an attestation without signatures', { attestation: { payloadType: 'x', payload: 'x' } }],
  ['an attestation that is undefined', { attestation: undefined, verdict: 'pass' }],
];

test.each(SHAPES)('decide: a gate result that is %s does not count, and a person is asked', (_, result) => {
  const run = new SignedRun().open(signedPlan());
  run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
  run.send({ type: 'finishGate', gate: 'P00', attempt: 1, result: result as SentGateResult });
  expect(run.events.find(({ type }) => type === 'gateInterrupted')).toMatchObject({ code: 'ATTESTATION_INVALID' });
  expect(run.state.escalations).toMatchObject([{ trigger: 'trust', gate: 'P00' }]);
});

test.each(SHAPES)('isSealed: refuses %s, also where no signature is asked for', (_, result) => {
  const { state } = new SignedRun().open(signedPlan());
  expect(isSealed(state, result as FinaliseResult)).toBe(false);
  expect(isSealed({ ...state, plan: null }, result as FinaliseResult)).toBe(false);
});

const report = (trigger: EscalationTrigger): EscalationReport => ({
  ...{ trigger, issue: 'i', impact: '', context: '', options: [], recommendation: '', security_sensitive: false },
});
const escalating = (rules_version: number, escalation: unknown) => {
  const plan = runPlan({ rules_version, authentication: 'required' });
  return new DomainRun().open(plan).runGate('P00', { escalation: escalation as EscalationReport });
};

test.each(ESCALATION_TRIGGERS)(
  'decide: an unsigned result that escalates as %s counts only for what a gate finds',
  (trigger) => {
    const run = escalating(2, report(trigger));
    const taken = GATE_TRIGGERS.includes(trigger);
    expect(run.types().includes('gateInterrupted')).toBe(!taken);
    expect(run.state.escalations).toMatchObject([{ trigger: taken ? trigger : 'trust' }]);
    // Runs of version 1 are judged as they were.
    expect(escalating(1, report(trigger)).state.escalations).toMatchObject([{ trigger }]);
  },
);

test.each([[undefined], ['stop'], [7], [{}]])(
  'decide: an unsigned result whose escalation is %j does not count',
  (escalation) => {
    const run = escalating(2, escalation);
    expect(run.events.find(({ type }) => type === 'gateInterrupted')).toMatchObject({ code: 'ATTESTATION_INVALID' });
  },
);
