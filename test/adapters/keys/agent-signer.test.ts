import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ed25519 } from '@noble/curves/ed25519.js';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { askAgent, createAgentSigner, listAgentIdentities } from '../../../src/adapters/keys/agent-signer.js';
import { createFileSigner } from '../../../src/adapters/keys/file-signer.js';
import { wireString, wireUint32, writeEd25519Key } from '../../../src/adapters/keys/ssh-wire.js';
import { publicKeyOf, readPublicKeyLine } from '../../../src/domain/attest/public-keys.js';
import { neverAsked, sshFingerprint, sshKey } from './key-fixtures.js';
import { startAgent } from './real-agent.js';

const MESSAGE = new TextEncoder().encode('what is signed');

test('createAgentSigner: a real agent signs the bytes themselves, as the key would from its file', async () => {
  const [agent, path] = [await startAgent(), await sshKey()];
  await agent.add(path);
  const keyid = await sshFingerprint(`${path}.pub`);
  const signer = await createAgentSigner({ socket: agent.socket, keyid });
  const signature = await signer.sign(MESSAGE);
  expect(signer.keyid).toBe(keyid);
  expect(ed25519.verify(signature, MESSAGE, Buffer.from(signer.publicKey, 'base64'))).toBe(true);
  const fromFile = await createFileSigner(path, { passphrase: neverAsked });
  expect(Buffer.from(await fromFile.sign(MESSAGE)).equals(signature)).toBe(true);
});

test('createAgentSigner: chosen by public key, or as the only one, among keys of other types', async () => {
  const [agent, path, ecdsa] = [await startAgent(), await sshKey(), await sshKey([], 'ecdsa')];
  await agent.add(ecdsa);
  await agent.add(path);
  const key = readPublicKeyLine(await readFile(`${path}.pub`, 'utf8'));
  const { socket } = agent;
  expect(await listAgentIdentities(socket)).toEqual([{ ...key, comment: 'grace@home' }]);
  expect(await createAgentSigner({ socket, publicKey: key?.raw ?? '' })).toMatchObject({ keyid: key?.keyid });
  expect(await createAgentSigner({ socket, only: true })).toMatchObject({ keyid: key?.keyid });
});

test('createAgentSigner: signs 64 KiB, and AGENT_FAILED for more than an agent takes', async () => {
  const [agent, path] = [await startAgent(), await sshKey()];
  await agent.add(path);
  const signer = await createAgentSigner({ socket: agent.socket, only: true });
  expect((await signer.sign(new Uint8Array(65_536).fill(7))).length).toBe(64);
  await expect(signer.sign(new Uint8Array(300_000))).rejects.toMatchObject({ code: 'AGENT_FAILED' });
});

test('createAgentSigner: KEY_NOT_FOUND says what the agent holds', async () => {
  const [agent, held, wanted] = [await startAgent(), await sshKey(), await sshKey()];
  const keyid = await sshFingerprint(`${wanted}.pub`);
  const { socket } = agent;
  await expect(createAgentSigner({ socket, keyid })).rejects.toThrow(`${keyid}; it holds no Ed25519 key`);
  await expect(createAgentSigner({ socket, only: true })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  await agent.add(held);
  const refused = createAgentSigner({ socket, keyid });
  await expect(refused).rejects.toMatchObject({ code: 'KEY_NOT_FOUND', exitCode: 2 });
  await expect(refused).rejects.toThrow(`it holds ${await sshFingerprint(`${held}.pub`)} (grace@home)`);
  await agent.add(wanted);
  await expect(createAgentSigner({ socket, only: true })).rejects.toThrow('Say which one');
});

test('createAgentSigner: AGENT_FAILED for an agent that is locked, lost its key, or is gone', async () => {
  const [agent, path] = [await startAgent(), await sshKey()];
  await agent.add(path);
  const signer = await createAgentSigner({ socket: agent.socket, only: true });
  await agent.add('-D');
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'AGENT_FAILED', retryable: true });
  await expect(signer.sign(MESSAGE)).rejects.toThrow('did not sign');
  await agent.stop();
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'AGENT_FAILED', exitCode: 3 });
  await expect(createAgentSigner({ socket: agent.socket, only: true })).rejects.toThrow('cannot be reached (ENOENT)');
});

/** An agent that gives these answers in turn, one to a connection, in pieces of three bytes. */
async function scriptedAgent(...script: readonly (Buffer | 'close' | 'silence')[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pa-'));
  const left = [...script];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      const answer = left.shift() ?? 'close';
      if (answer === 'close') socket.end();
      else if (answer !== 'silence') {
        for (let at = 0; at < answer.length; at += 3) socket.write(answer.subarray(at, at + 3));
      }
    });
  });
  server.listen(join(folder, 's'));
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  return join(folder, 's');
}

const framed = (...parts: readonly Uint8Array[]) => wireString(Buffer.concat(parts));
const secret = new Uint8Array(32).fill(1);
const raw = ed25519.getPublicKey(secret);
const identities = framed(Buffer.of(12), wireUint32(1), wireString(writeEd25519Key(raw)), wireString('scripted'));
const signed = (type: string, signature: Uint8Array) =>
  framed(Buffer.of(14), wireString(Buffer.concat([wireString(type), wireString(signature)])));

test('createAgentSigner: an answer that comes in pieces is put together', async () => {
  const socket = await scriptedAgent(identities, signed('ssh-ed25519', ed25519.sign(MESSAGE, secret)));
  const signer = await createAgentSigner({ socket, keyid: publicKeyOf(raw).keyid });
  expect(Buffer.from(await signer.sign(MESSAGE))).toEqual(Buffer.from(ed25519.sign(MESSAGE, secret)));
});

test.each([
  ['a signature of something else', signed('ssh-ed25519', ed25519.sign(new Uint8Array(3), secret))],
  ['a signature of another key', signed('ssh-ed25519', ed25519.sign(MESSAGE, new Uint8Array(32).fill(2)))],
  ['a signature of another type', signed('ssh-rsa', ed25519.sign(MESSAGE, secret))],
  ['a short signature', signed('ssh-ed25519', new Uint8Array(63))],
  ['a message of another type', framed(Buffer.of(99))],
  ['a message that ends early', framed(Buffer.of(14, 0, 0))],
  ['an empty message', framed()],
  ['a closed connection', 'close' as const],
  ['an answer of a gigabyte', wireUint32(1 << 30)],
])('createAgentSigner: AGENT_FAILED when the agent answers with %s', async (_, answer) => {
  const socket = await scriptedAgent(identities, answer);
  const signer = await createAgentSigner({ socket, only: true });
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'AGENT_FAILED' });
});

test.each([
  ['failure', framed(Buffer.of(5))],
  ['a list that ends early', framed(Buffer.of(12), wireUint32(3), wireString(writeEd25519Key(raw)))],
  ['four billion keys', framed(Buffer.of(12), wireUint32(0xffffffff))],
])('listAgentIdentities: AGENT_FAILED when the agent answers with %s', async (_, answer) => {
  await expect(listAgentIdentities(await scriptedAgent(answer))).rejects.toMatchObject({ code: 'AGENT_FAILED' });
});

test('askAgent: AGENT_FAILED when no answer comes in time', async () => {
  const socket = await scriptedAgent('silence');
  await expect(askAgent(socket, Buffer.of(11), 50)).rejects.toThrow('gave no answer within 0.05 s');
});

test('createAgentSigner: what inspect shows is the public half', async () => {
  const socket = await scriptedAgent(identities);
  const signer = await createAgentSigner({ socket, only: true });
  expect(Object.keys(signer)).toEqual(['keyid', 'publicKey', 'protection', 'sign']);
  expect(inspect(signer)).toContain(signer.keyid);
});

test('createAgentSigner: sends no passphrase to an agent', async () => {
  const [agent, path] = [await startAgent(), await sshKey(['-N', 'geheim'])];
  const env = { SSH_AUTH_SOCK: agent.socket, SSH_ASKPASS: join(import.meta.dirname, 'askpass.sh') };
  await execa('ssh-add', ['-q', path], { env: { ...env, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' } });
  const signer = await createAgentSigner({ socket: agent.socket, only: true });
  expect((await signer.sign(MESSAGE)).length).toBe(64);
});
