import { expect, test } from 'vitest';
import { describeWaiver, withExpired } from '../../../src/cli/audit/waivers.js';
import { readWaiverExpiry } from '../../../src/cli/decide/waiver-expiry.js';
import type { RecordedWaiver } from '../../../src/contracts/waiver.js';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');

test.each([
  ['30d', '2026-02-01T03:04:05.678Z'],
  ['12h', '2026-01-02T15:04:05.678Z'],
  ['2026-01-02', '2026-01-02T23:59:59.999Z'],
  ['2026-12-31', '2026-12-31T23:59:59.999Z'],
  ['2026-12-31T12:00Z', '2026-12-31T12:00:00.000Z'],
])('readWaiverExpiry: %s', (given, expected) => {
  expect(readWaiverExpiry(given, NOW)).toBe(expected);
});

test.each([
  '',
  'soon',
  '30',
  '0d',
  '2026-02-31',
  '2026-13-01',
  '2026-01-01',
  '31.12.2026',
  '2026-12-31T12:00',
  '9999999d9',
])('readWaiverExpiry: USAGE for %j', (given) => {
  expect(() => readWaiverExpiry(given, NOW)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

const WAIVER: RecordedWaiver = {
  ...{ escalation_id: 'E1', gate: 'P06', attempt: 1, waived_at: '2026-01-01T00:00:00.000Z', waived_by: 'grace' },
  ...{ signed_by: null, reason: 'a\u001b[2J reason', expires_at: '2026-01-02T00:00:00.000Z', standing: 'passed' },
  findings: [{ id: 'checks-1', rule: 'checks', severity: 'high', blocking: true, message: 'm', path: 'a.js' }],
};

test('describeWaiver: says who, why and until when, and whether that has passed', () => {
  const shown = describeWaiver(WAIVER, NOW).join('\n');
  expect(shown).toContain(
    'E1 at P06 attempt 1: waived by grace (not signed) until 2026-01-02T00:00:00.000Z, expired: a␛[2J reason',
  );
  expect(shown).toContain('checks-1: m (a.js)');
  expect(describeWaiver(WAIVER, NOW - 86_400_000).join('\n')).not.toContain('expired');
  expect(withExpired([WAIVER], NOW)).toMatchObject([{ expired: true }]);
});
