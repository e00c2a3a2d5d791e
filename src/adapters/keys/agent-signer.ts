import { Buffer } from 'node:buffer';
import { createPublicKey, verify } from 'node:crypto';
import { createConnection } from 'node:net';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { type PublicKey, publicKeyOf } from '../../domain/attest/public-keys.js';
import type { Signer } from '../../ports/signer.js';
import {
  createWireReader,
  readEd25519Key,
  readEd25519Signature,
  wireString,
  wireUint32,
  writeEd25519Key,
} from './ssh-wire.js';

/** OpenSSH's own agent takes and gives no longer message. */
const MAX_MESSAGE_BYTES = 256 * 1_024;

const agentFailed = (socket: string, what: string, cause?: unknown): PromptOsError =>
  new PromptOsError('AGENT_FAILED', `The SSH agent at ${socket} ${what}.`, { cause });

/**
 * Sends one message to an agent and gives its answer, without the length (draft-miller-ssh-agent, section 3).
 * A connection for each message: an agent that is restarted between two is no trouble.
 * @param timeoutMs how long the agent may take; a person may have to confirm
 * @throws PromptOsError AGENT_FAILED
 */
export function askAgent(socket: string, message: Uint8Array, timeoutMs: number): Promise<Buffer> {
  if (message.length > MAX_MESSAGE_BYTES) {
    return Promise.reject(
      agentFailed(socket, `takes ${MAX_MESSAGE_BYTES} bytes at most, and was to get ${message.length}`),
    );
  }
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => fail(`gave no answer within ${timeoutMs / 1_000} s`), timeoutMs);
    const finish = () => {
      clearTimeout(timer);
      connection.destroy();
    };
    const fail = (what: string, cause?: unknown) => {
      finish();
      reject(agentFailed(socket, what, cause));
    };
    connection.on('error', (error: NodeJS.ErrnoException) => fail(`cannot be reached (${error.code})`, error));
    connection.on('close', () => fail('closed the connection without an answer'));
    connection.on('connect', () => connection.write(Buffer.concat([wireUint32(message.length), message])));
    connection.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const length = received.readUInt32BE();
      if (length > MAX_MESSAGE_BYTES) return fail(`announced an answer of ${counted(length, 'byte')}`);
      if (received.length < 4 + length) return;
      finish();
      resolve(received.subarray(4, 4 + length));
    });
  });
}

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
/** A list needs no person's confirmation. */
const TIMEOUT_MS = 10_000;

interface AgentIdentity extends PublicKey {
  /** What `ssh-add -l` shows behind the key. */
  readonly comment: string;
}

/**
 * The Ed25519 keys of an agent; those of other types are left out.
 * @param socket path of the agent's socket, as `SSH_AUTH_SOCK` has it
 * @throws PromptOsError AGENT_FAILED
 */
export async function listAgentIdentities(socket: string): Promise<readonly AgentIdentity[]> {
  const answer = await askAgent(socket, Buffer.of(REQUEST_IDENTITIES), TIMEOUT_MS);
  try {
    return readIdentities(answer);
  } catch (error) {
    if (error instanceof RangeError) throw agentFailed(socket, 'gave a list of keys that cannot be read', error);
    throw error;
  }
}

function readIdentities(answer: Uint8Array): readonly AgentIdentity[] {
  const reader = createWireReader(answer);
  const type = reader.byte();
  if (type !== IDENTITIES_ANSWER) throw new RangeError(`message ${type} instead of ${IDENTITIES_ANSWER}`);
  const identities: AgentIdentity[] = [];
  for (let left = reader.uint32(); left > 0; left -= 1) {
    const raw = readEd25519Key(reader.string());
    const comment = reader.string().toString('utf8');
    if (raw !== null) identities.push({ ...publicKeyOf(raw), comment });
  }
  return identities;
}

const AGENT_FAILURE = 5;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** A key that was added with `ssh-add -c` waits for a person to confirm. */
const SIGN_TIMEOUT_MS = 60_000;

export type AgentKeyChoice =
  | { readonly keyid: string }
  /** The 32 bytes, as base64. */
  | { readonly publicKey: string }
  | { readonly only: true };

export type AgentSignerOptions = AgentKeyChoice & {
  /** Path of the agent's socket, as `SSH_AUTH_SOCK` has it. */
  readonly socket: string;
};

/**
 * A signer whose key stays in a running ssh-agent (draft-miller-ssh-agent). It signs the given bytes themselves with
 * Ed25519, not an SSHSIG around them. Every signature is checked before it is given on.
 * @throws PromptOsError AGENT_FAILED; KEY_NOT_FOUND when the agent does not hold the key
 */
export async function createAgentSigner(options: AgentSignerOptions): Promise<Signer> {
  const { socket } = options;
  const { keyid, raw } = chooseIdentity(await listAgentIdentities(socket), options);
  const bytes = Buffer.from(raw, 'base64');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') },
    format: 'jwk',
  });
  return {
    keyid,
    publicKey: raw,
    protection: 'agent',
    sign: async (message) => {
      const request = [Buffer.of(SIGN_REQUEST), wireString(writeEd25519Key(bytes)), wireString(message), wireUint32(0)];
      const answer = await askAgent(socket, Buffer.concat(request), SIGN_TIMEOUT_MS);
      if (answer[0] === AGENT_FAILURE) {
        throw agentFailed(
          socket,
          `did not sign with ${keyid}: it is locked, lacks the key, or the request was refused`,
        );
      }
      const signature = readSignature(answer);
      if (signature === null || !verify(null, message, key, signature)) {
        throw agentFailed(socket, `gave something else than a signature of ${keyid}`);
      }
      return new Uint8Array(signature);
    },
  };
}

function chooseIdentity(
  identities: readonly AgentIdentity[],
  { socket, ...choice }: AgentSignerOptions,
): AgentIdentity {
  const held = identities.map(({ keyid, comment }) => `${keyid} (${comment})`).join(', ') || 'no Ed25519 key';
  if ('only' in choice) {
    const [first, ...others] = identities;
    if (first !== undefined && others.length === 0) return first;
    throw new PromptOsError(
      'KEY_NOT_FOUND',
      `Expected the SSH agent at ${socket} to hold one Ed25519 key, received ${held}.`,
      { hint: 'Say which one: public: ssh-ed25519 AAAA…' },
    );
  }
  const found = identities.find(({ keyid, raw }) =>
    'keyid' in choice ? keyid === choice.keyid : raw === choice.publicKey,
  );
  if (found !== undefined) return found;
  const wanted = 'keyid' in choice ? choice.keyid : `the public key ${choice.publicKey}`;
  throw new PromptOsError('KEY_NOT_FOUND', `The SSH agent at ${socket} does not hold ${wanted}; it holds ${held}.`, {
    hint: 'Add the key to the agent: `ssh-add FILE`.',
  });
}

function readSignature(answer: Uint8Array): Buffer | null {
  try {
    const reader = createWireReader(answer);
    return reader.byte() === SIGN_RESPONSE ? readEd25519Signature(reader.string()) : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
