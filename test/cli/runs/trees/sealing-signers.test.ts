import { expect, test } from 'vitest';
import { sealingSigners } from '../../../../src/cli/runs/trees/recover-run.js';
import type { SignerRegistry } from '../../../../src/ports/signer.js';

const signer = { keyid: 'SHA256:ours', publicKey: '', sign: async () => new Uint8Array() };
const ours: SignerRegistry = { forPrincipal: () => null, forEngine: () => signer };
const none: SignerRegistry = { ...ours, forEngine: () => null };

test('run recover: seals with the key that ended the journal, and with no other', () => {
  expect(sealingSigners(ours, 'SHA256:ours')?.forEngine()).toBe(signer);
  expect(sealingSigners(ours, 'SHA256:other')).toBeNull();
  expect(sealingSigners(none, 'SHA256:ours')).toBeNull();
});

test('run recover: seals nothing where the end of the journal is not signed, as the own worker of the run does', () => {
  expect(sealingSigners(ours, null)?.forEngine()).toBeNull();
});
