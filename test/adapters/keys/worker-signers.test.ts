import { readFile } from 'node:fs/promises';
import { ed25519 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';
import { generatePrivateKey } from '../../../src/adapters/keys/key-files.js';
import { createWorkerSigners } from '../../../src/adapters/keys/worker-signers.js';
import { publicKeyLine } from '../../../src/domain/attest/public-keys.js';
import type { Signer } from '../../../src/ports/signer.js';
import { privateFile, sshFingerprint, sshKey } from './key-fixtures.js';
import { startAgent } from './real-agent.js';

const MESSAGE = new TextEncoder().encode('what is signed');
const verifies = async (signer: Signer | null) =>
  signer !== null && ed25519.verify(await signer.sign(MESSAGE), MESSAGE, Buffer.from(signer.publicKey, 'base64'));

test('createWorkerSigners: keys of a file, of a file with passphrase, of a variable, of an agent', async () => {
  const [writer, verifier, engine] = [generatePrivateKey(null), generatePrivateKey('geheim'), generatePrivateKey(null)];
  const [agent, path] = [await startAgent(), await sshKey()];
  await agent.add(path);
  const signers = await createWorkerSigners(
    {
      signers: {
        writer: { file: await privateFile(writer.pem) },
        verifier: { env: 'VERIFIER_KEY', passphrase_file: await privateFile('geheim\n') },
        reviewer: { agent: true, public: await readFile(`${path}.pub`, 'utf8') },
        engine: { env: 'ENGINE_KEY' },
      },
    },
    { VERIFIER_KEY: verifier.pem, ENGINE_KEY: engine.pem.replaceAll('\n', '\\n'), SSH_AUTH_SOCK: agent.socket },
  );
  expect(signers.forPrincipal('writer')?.keyid).toBe(writer.publicKey.keyid);
  expect(signers.forPrincipal('verifier')?.keyid).toBe(verifier.publicKey.keyid);
  expect(signers.forPrincipal('reviewer')?.keyid).toBe(await sshFingerprint(`${path}.pub`));
  expect(signers.forEngine()?.keyid).toBe(engine.publicKey.keyid);
  for (const signer of [...['writer', 'verifier', 'reviewer'].map(signers.forPrincipal), signers.forEngine()]) {
    expect(await verifies(signer)).toBe(true);
  }
});

test('createWorkerSigners: no principal gets the key of another or of the engine', async () => {
  const signers = await createWorkerSigners({ signers: { engine: { env: 'K' } } }, { K: generatePrivateKey(null).pem });
  expect(['writer', 'engine', 'constructor', ''].map(signers.forPrincipal)).toEqual([null, null, null, null]);
  expect((await createWorkerSigners({ signers: {} }, {})).forEngine()).toBeNull();
});

test.each([
  ['a variable that is not set', { env: 'K' }, {}, 'KEY_NOT_FOUND', 'signers.w names the variable K, which is not set'],
  ['a missing file', { file: '/nowhere/k.pem' }, {}, 'KEY_NOT_FOUND', '/nowhere/k.pem'],
  ['no agent', { agent: true }, {}, 'AGENT_FAILED', 'SSH_AUTH_SOCK is not set'],
  ['an agent that is gone', { agent: true }, { SSH_AUTH_SOCK: '/nowhere/s' }, 'AGENT_FAILED', 'cannot be reached'],
  [
    'a public key that is damaged',
    { agent: true, public: 'ssh-ed25519 AAAA' },
    { SSH_AUTH_SOCK: '/nowhere/s' },
    'KEY_NOT_READABLE',
    'signers.w.public',
  ],
  [
    'a key with a passphrase and no passphrase file',
    { env: 'K' },
    { K: generatePrivateKey('x').pem },
    'KEY_LOCKED',
    'signers.w',
  ],
  [
    'a public key instead',
    { env: 'K' },
    { K: publicKeyLine(generatePrivateKey(null).publicKey) },
    'KEY_NOT_READABLE',
    'the variable K',
  ],
] as const)('createWorkerSigners: %s', async (_, signer, env, code, part) => {
  const opening = createWorkerSigners({ signers: { w: signer } }, env);
  await expect(opening).rejects.toMatchObject({ code, summary: expect.stringContaining(part) });
});
