import { Buffer } from 'node:buffer';
import { createPublicKey, verify } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import type { Signer } from '../../ports/signer.js';
import { agentFailed, askAgent } from './agent-connection.js';
import { type AgentIdentity, listAgentIdentities } from './agent-identities.js';
import { createWireReader, readEd25519Signature, wireString, wireUint32, writeEd25519Key } from './ssh-wire.js';

const AGENT_FAILURE = 5;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** A key that was added with `ssh-add -c` waits for somebody to confirm. */
const SIGN_TIMEOUT_MS = 60_000;

/** Which of an agent's keys signs. */
export type AgentKeyChoice =
  | { readonly keyid: string }
  /** The 32 bytes, as base64. */
  | { readonly publicKey: string }
  /** The only Ed25519 key that the agent holds. */
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
        throw agentFailed(socket, `did not sign with ${keyid}: it is locked, lacks the key, or somebody refused`);
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
