import { expect, test } from 'vitest';
import { policySchema } from '../../../src/contracts/policy/policy.js';
import { gateLimitMs } from '../../../src/domain/run/deadlines.js';
import { gateTimeoutMs } from '../../../src/domain/run/plan-run.js';

const HOUR = 3_600_000;

/** The least that a policy says, with checks that take so long. */
const policy = policySchema.parse({
  schema_version: 1,
  name: 'long',
  principals: { ada: { kind: 'human' }, nina: { kind: 'agent' }, vera: { kind: 'agent' }, rex: { kind: 'agent' } },
  roles: { writer: 'nina', verifier: 'vera', reviewer: 'rex', integrator: ['ada'] },
  decisions: { authentication: 'optional' },
  attestations: 'optional',
  limits: { output_tries: 1 },
  checks: { tests: { argv: ['make', 'test'], timeout: '12h' }, soak: { argv: ['make', 'soak'], timeout: '20h' } },
  prompt_packs: ['a'.repeat(64)],
});
const plan = { gate_timeout_ms: gateTimeoutMs(policy) };

test('gateLimitMs: P00 may run every check of the policy to its time-out, and ask its executor', () => {
  expect(gateLimitMs(plan, 'P00')).toBeGreaterThan(32 * HOUR + 6 * HOUR);
});

test('gateLimitMs: P06 may run every check twice, with the patch and on the base commit', () => {
  expect(gateLimitMs(plan, 'P06')).toBeGreaterThan(2 * 32 * HOUR + 6 * HOUR);
});
