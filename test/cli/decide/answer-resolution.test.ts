import { expect, test } from 'vitest';
import { resolutionAnswer } from '../../../src/cli/decide/answer-resolution.js';
import { GovernedRuns } from '../../../src/client/client.js';
import { describeRun } from '../../../src/domain/run/run-status.js';
import { DomainRun, runInput } from '../../support/domain.js';
import { makeTestKey } from '../../support/signing.js';

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
    const message = resolutionAnswer(options).compose('run-one', { status }, options);
    expect(message).toMatchObject({ escalation_id: 'E1', request_id: requestId, report_sha256: open.report_sha256 });
  }
  const gone = { ...line, requestId: 'E7.1' };
  expect(() => resolutionAnswer(gone).compose('run-one', { status }, gone)).toThrow(/needs --report/);
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
