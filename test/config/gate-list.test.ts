import { expect, test } from 'vitest';
import { parseGates } from '../../src/config/run-request-file.js';
import { GATE_IDS } from '../../src/contracts/names.js';

test('parseGates: gives the gates, with and without spaces', () => {
  expect(parseGates('P00,P01,P03,P05,P06,P07')).toEqual(GATE_IDS);
  expect(parseGates(' P01, P03 ')).toEqual(['P01', 'P03']);
});

test.each([
  ['P00,P02', /"P02" is no gate\. Did you mean "P0\d"\?/],
  ['p00', /Did you mean "P00"\?/],
  ['', /A name is empty/],
  ['P00,', /A name is empty/],
  ['P00,P08', /Governance Escalation/],
])('parseGates: GATE_UNKNOWN, for "%s"', (list, message) => {
  expect(() => parseGates(list)).toThrow(expect.objectContaining({ code: 'GATE_UNKNOWN' }));
  expect(() => parseGates(list)).toThrow(message);
});
