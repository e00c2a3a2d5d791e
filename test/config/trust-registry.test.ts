import { rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createTrustRegistry } from '../../src/config/policy-file.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import { temporaryFile } from './documents.js';

const DIGEST = 'b'.repeat(64);

test('trustedPolicies: digests unchanged, and files as they are at the time of the call', async () => {
  const path = await temporaryFile('policy.yaml', 'one');
  const registry = createTrustRegistry({ trust: { policies: [path, `sha256:${DIGEST}`] } });
  expect(await registry.trustedPolicies()).toEqual(new Set([sha256Hex('one'), DIGEST]));
  await writeFile(path, 'two');
  expect(await registry.trustedPolicies()).toEqual(new Set([sha256Hex('two'), DIGEST]));
});

test('trustedPolicies: a policy that was removed is trusted no more', async () => {
  const path = await temporaryFile('policy.yaml', 'one');
  const registry = createTrustRegistry({ trust: { policies: [path] } });
  await rm(path);
  expect(await registry.trustedPolicies()).toEqual(new Set());
});

test('trustedPolicies: trouble that may pass is thrown, not taken for distrust', async () => {
  const registry = createTrustRegistry({ trust: { policies: [`/tmp/${'x'.repeat(300)}`] } });
  await expect(registry.trustedPolicies()).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
});
