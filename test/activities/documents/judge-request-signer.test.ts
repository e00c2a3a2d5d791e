import { expect, test } from 'vitest';
import { judgeRequestSigner } from '../../../src/activities/documents/judge-request-signer.js';
import { parsePolicyBytes } from '../../../src/config/policy-file.js';
import type { Envelope } from '../../../src/contracts/keys.js';
import type { GovernedRunInput } from '../../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../../src/domain/attest/acts.js';
import { envelopeText } from '../../../src/domain/record/published-tree.js';
import { runInput } from '../../support/domain.js';
import { makeTestKey } from '../../support/signing.js';

const ada = makeTestKey();

/** A policy whose developer has one key, with the given times. */
const policyWith = (times: string) =>
  parsePolicyBytes(
    Buffer.from(`
schema_version: 1
name: times
principals:
  ada: { kind: human, keys: [{ public: '${ada.line}'${times} }] }
  grace: { kind: human, keys: [{ public: '${makeTestKey().line}' }] }
  nina: { kind: agent }
  vera: { kind: agent }
  rex: { kind: agent }
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
attestations: optional
prompt_packs: ['${'d'.repeat(64)}']
`),
  ).policy;

/** What is asked of a store here: the one envelope. */
const judge = (run: GovernedRunInput, times = '', layout: (envelope: Envelope) => string = envelopeText) => {
  const envelope = ada.seal(runRequestStatement(run, '2026-01-01T00:00:00.000Z'));
  const readObject = async () => Buffer.from(layout(envelope));
  return judgeRequestSigner({ store: { readObject } }, run, policyWith(times), new Date().toISOString()).catch(
    (error) => error.code,
  );
};
const signedRun: GovernedRunInput = { ...runInput(), request_attestation_sha256: 'f'.repeat(64) };

test("judgeRequestSigner: names the developer's key", async () => {
  expect(await judge(signedRun)).toEqual({ principal: 'ada', keyid: ada.key.keyid });
});

test('judgeRequestSigner: a key that does not count now is refused before any gate is walked', async () => {
  for (const times of [
    ", revoked_at: '2026-01-01T00:00:00Z'",
    ", valid_until: '2026-01-01T00:00:00Z'",
    ", valid_from: '2999-01-01T00:00:00Z'",
  ]) {
    expect(await judge(signedRun, times), times).toBe('SIGNATURE_INVALID');
  }
  expect(await judge(signedRun, ", valid_until: '2999-01-01T00:00:00Z'")).toMatchObject({ principal: 'ada' });
});

test('judgeRequestSigner: an unsigned request is refused where signing is asked', async () => {
  expect(await judge(runInput())).toBe('REQUEST_NOT_SIGNED');
});

test('judgeRequestSigner: another layout than that of published envelopes is refused before the run opens', async () => {
  expect(await judge(signedRun, '', JSON.stringify)).toBe('SIGNATURE_INVALID');
});
