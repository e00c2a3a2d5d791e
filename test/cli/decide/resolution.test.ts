import { expect, test } from 'vitest';
import { describeWaiver, withExpired } from '../../../src/cli/audit/verify/waivers.js';
import { composeAnswer } from '../../../src/cli/decide/answer.js';
import { readWaiverExpiry, resolutionAnswer } from '../../../src/cli/decide/resolution.js';
import { GovernedRuns } from '../../../src/client/client.js';
import type { RecordedWaiver } from '../../../src/contracts/record/run-record.js';
import { describeRun } from '../../../src/domain/run/run-status.js';
import { DomainRun, runInput } from '../../support/domain.js';
import { makeTestKey } from '../../support/signing.js';

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

/** A run with one open escalation, as the status query shows it. */
function escalated() {
  const run = new DomainRun().open().runGate('P00');
  run.send({ type: 'message', kind: 'escalation', content: { actor: 'ada', issue: 'Stop!' } });
  return describeRun(run.state, runInput(), { entries: 1, hash: '0'.repeat(64) }, null);
}

test('resolve --request-id: names the report of the escalation that the request is about, so that it can be signed', () => {
  const status = escalated();
  const [open] = status.awaiting;
  if (open?.kind !== 'resolution') throw new Error('no escalation is open');
  const line = { as: 'grace', choose: 'retry' } as const;
  for (const requestId of [open.request_id, 'E1.9']) {
    const options = { ...line, requestId };
    const message = composeAnswer('run-one', { status }, options, resolutionAnswer(options));
    expect(message).toMatchObject({ escalation_id: 'E1', request_id: requestId, report_sha256: open.report_sha256 });
  }
  const gone = { ...line, requestId: 'E7.1' };
  expect(() => composeAnswer('run-one', { status }, gone, resolutionAnswer(gone))).toThrow(/needs --report/);
});

test('GovernedRuns.sealResolution: a key never leaves a resolution unsigned; without the report it is refused', async () => {
  const { key, sign } = makeTestKey();
  const signer = { keyid: key.keyid, publicKey: key.raw, sign: async (message: Uint8Array) => sign(message) };
  const runs = new GovernedRuns({
    client: undefined as never,
    taskQueue: 'none',
    store: undefined as never,
    signerFor: async () => signer,
  });
  const resolution = {
    decision_id: 'd-1',
    run_id: 'run-one',
    escalation_id: 'E1',
    request_id: 'E1.1',
    policy_sha256: 'a'.repeat(64),
    actor: 'grace',
    choice: 'retry',
  } as const;
  await expect(runs.sealResolution(resolution)).rejects.toMatchObject({ code: 'USAGE' });
  const sealed = await runs.sealResolution({ ...resolution, report_sha256: 'b'.repeat(64) });
  expect(sealed).toMatchObject({ payloadType: 'application/vnd.in-toto+json', signatures: [{ keyid: signer.keyid }] });
});
