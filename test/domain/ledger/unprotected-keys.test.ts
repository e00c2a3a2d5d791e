import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createTextSigner } from '../../../src/adapters/keys/file-signer.js';
import { sealDecision } from '../../../src/domain/attest/acts.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { unprotectedKeys } from '../../../src/domain/ledger/signed-acts.js';
import { keyOf, SignedRun, signedPlan } from '../../support/signed-run.js';

const ledgerOf = (run: SignedRun) => {
  const entries: ReturnType<typeof appendEntry>[] = [];
  for (const { at, ...event } of run.events)
    entries.push(appendEntry(entries.length === 0 ? EMPTY_LEDGER : headOf(entries), at, event));
  return entries;
};

test('unprotectedKeys: the keys of people whose signed messages say that they have no passphrase', async () => {
  const run = new SignedRun().open(signedPlan()).runSigned('P00');
  const { key, sign } = keyOf('grace');
  const signer = { keyid: key.keyid, publicKey: key.raw, sign: async (message: Uint8Array) => sign(message) };
  const approve = async (gate: 'P00' | 'P01', protection: 'none' | 'passphrase' | undefined) => {
    const kept = protection === undefined ? signer : { ...signer, protection };
    const content = await sealDecision(run.decision(gate), kept, run.now);
    return run.send({ type: 'message', kind: 'decision', content }).answer;
  };
  expect(await approve('P00', 'none')).toMatchObject({ accepted: true });
  run.runSigned('P01');
  expect(await approve('P01', 'passphrase')).toMatchObject({ accepted: true });
  expect(unprotectedKeys(ledgerOf(run))).toEqual([{ principal: 'grace', keyid: key.keyid, acts: 1 }]);
});

test('sealDecision: a signer that does not know how its key is kept claims nothing', async () => {
  const run = new SignedRun().open(signedPlan()).runSigned('P00');
  const { key, sign } = keyOf('grace');
  const signer = { keyid: key.keyid, publicKey: key.raw, sign: async (message: Uint8Array) => sign(message) };
  const { payload } = await sealDecision(run.decision('P00'), signer, run.now);
  expect(Buffer.from(payload, 'base64').toString()).not.toContain('keyProtection');
});

test('createTextSigner: says whether the key has a passphrase', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const open = async (text: string | Buffer) =>
    (await createTextSigner(String(text), 'a test key', { passphrase: async () => 'secret words' })).protection;
  expect(await open(privateKey.export({ type: 'pkcs8', format: 'pem' }))).toBe('none');
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret words' });
  expect(await open(locked)).toBe('passphrase');
});
