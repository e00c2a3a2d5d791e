import { Buffer } from 'node:buffer';
import { type PublicKey, publicKeyOf } from '../../domain/attest/public-keys.js';
import { agentFailed, askAgent } from './agent-connection.js';
import { createWireReader, readEd25519Key } from './ssh-wire.js';

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
/** Nobody is asked for a list. */
const TIMEOUT_MS = 10_000;

/** An Ed25519 key that an agent holds. */
export interface AgentIdentity extends PublicKey {
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
