import { expect, test } from 'vitest';
import { validateGates } from '../../src/config/run-request-file.js';
import { GATE_IDS } from '../../src/contracts/names.js';

const free = { name: 'free', required_gates: [] };
const strict = { name: 'strict', required_gates: [...GATE_IDS] };

test('validateGates: gives the gates, with and without spaces', () => {
  expect(validateGates('P00,P01,P03,P05,P06,P07', strict)).toEqual(GATE_IDS);
  expect(validateGates(' P01, P03 ', free)).toEqual(['P01', 'P03']);
});

test.each([
  ['P00,P02', /"P02" is no gate\. Did you mean "P0\d"\?/],
  ['p00', /Did you mean "P00"\?/],
  ['', /A name is empty/],
  ['P00,', /A name is empty/],
  ['P00,P08', /Governance Escalation/],
])('validateGates: GATE_UNKNOWN, for "%s"', (list, message) => {
  expect(() => validateGates(list, free)).toThrow(expect.objectContaining({ code: 'GATE_UNKNOWN' }));
  expect(() => validateGates(list, free)).toThrow(message);
});

test.each([
  ['P01,P00', /P00 comes after P01/],
  ['P00,P00', /P00 is named twice/],
  ['P00,P01,P00', /P00 is named twice/],
])('validateGates: GATE_ORDER, for "%s"', (list, message) => {
  expect(() => validateGates(list, free)).toThrow(expect.objectContaining({ code: 'GATE_ORDER' }));
  expect(() => validateGates(list, free)).toThrow(message);
});

test.each([
  ['P03', /P03 needs P01/],
  ['P01,P05', /P05 needs P03/],
  ['P00,P06,P07', /P06 needs P05, P07 needs P05/],
])('validateGates: GATE_REQUIRED, when "%s" lacks what it needs', (list, message) => {
  expect(() => validateGates(list, free)).toThrow(expect.objectContaining({ code: 'GATE_REQUIRED' }));
  expect(() => validateGates(list, free)).toThrow(message);
});

test('validateGates: GATE_REQUIRED, when the policy requires a gate that is not named', () => {
  expect(() => validateGates('P00,P01,P03,P05,P06', strict)).toThrow(
    expect.objectContaining({ code: 'GATE_REQUIRED' }),
  );
  expect(() => validateGates('P00,P01,P03,P05,P06', strict)).toThrow(/the policy "strict" requires P07/);
});
