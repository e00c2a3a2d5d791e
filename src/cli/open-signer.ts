import { resolve } from 'node:path';
import { listAgentIdentities } from '../adapters/signer-agent/agent-identities.js';
import { createAgentSigner } from '../adapters/signer-agent/agent-signer.js';
import { describeKeyFile } from '../adapters/signer-file/describe-key.js';
import { readEnvironment } from '../config/environment.js';
import { keyFileOf, keysFolder } from '../config/key-files.js';
import { PromptOsError } from '../contracts/errors.js';
import { withinSentence } from '../contracts/sentences.js';
import type { PublicKey } from '../domain/attest/public-keys.js';
import type { Signer } from '../ports/signer.js';
import { type PassphraseQuestions, terminalPassphrase } from './ask-passphrase.js';
import type { CommandContext } from './context.js';
import { openKeyFile } from './open-key-file.js';

export interface OpenSignerOptions {
  /** Whose key it is. */
  readonly principal: string;
  /** The file that `--key` names; nothing else is looked at then. */
  readonly key?: string | undefined;
  /**
   * The keys that the policy lists for the principal and that count now, in its order. Without them any key file will
   * do, and no agent is asked.
   */
  readonly policyKeys?: readonly PublicKey[] | undefined;
}

/** What was found in one place: a signer, or why there is none. */
type Found = Signer | string;

/**
 * The key that a person signs with: the file of `--key`, else the principal's own key file, else the identity of a
 * running ssh-agent. A passphrase is only asked for a key that the policy lists.
 * @throws PromptOsError KEY_NOT_FOUND saying what was looked for, KEY_NOT_READABLE, KEY_LOCKED, AGENT_FAILED
 */
export async function openSigner(
  context: CommandContext,
  { principal, key, policyKeys }: OpenSignerOptions,
  questions: PassphraseQuestions = terminalPassphrase,
): Promise<Signer> {
  const open = (path: string) => openKeyFile(context, path, questions);
  if (key !== undefined) return open(resolve(context.cwd, key));
  const { variables } = readEnvironment(context.env);
  const places: string[] = [];
  for (const look of [
    () => lookForFile(keyFileOf(keysFolder(variables), principal), policyKeys, open),
    () => askAgent(variables.SSH_AUTH_SOCK, policyKeys),
  ]) {
    const found = await look();
    if (typeof found !== 'string') return found;
    places.push(found);
  }
  throw new PromptOsError(
    'KEY_NOT_FOUND',
    `There is no key to sign with as "${principal}". Looked for: ${places.join('; ')}.`,
  );
}

async function lookForFile(
  path: string,
  wanted: readonly PublicKey[] | undefined,
  open: (path: string) => Promise<Signer>,
): Promise<Found> {
  const isWanted = ({ keyid }: { readonly keyid: string }) =>
    wanted === undefined || wanted.some((one) => one.keyid === keyid);
  const unlisted = ({ keyid }: { readonly keyid: string }) =>
    `${path} (${keyid}, which the policy does not list for this principal)`;
  const described = await describeKeyFile(path).catch((error: unknown) => {
    if (error instanceof PromptOsError && error.code === 'KEY_NOT_FOUND') return null;
    throw error;
  });
  if (described === null) return `${path} (not there)`;
  if (described.publicKey !== null && !isWanted(described.publicKey)) return unlisted(described.publicKey);
  const signer = await open(path);
  return isWanted(signer) ? signer : unlisted(signer);
}

async function askAgent(socket: string | undefined, wanted: readonly PublicKey[] | undefined): Promise<Found> {
  if (wanted === undefined) return 'no ssh-agent (no policy says which of its keys)';
  if (wanted.length === 0) return 'no ssh-agent (the policy lists no key for this principal)';
  if (!socket) return 'no ssh-agent (SSH_AUTH_SOCK is not set)';
  try {
    const held = await listAgentIdentities(socket);
    const found = wanted.find(({ keyid }) => held.some((identity) => identity.keyid === keyid));
    if (found !== undefined) return await createAgentSigner({ socket, keyid: found.keyid });
    return `the ssh-agent at ${socket} (holds none of ${wanted.map(({ keyid }) => keyid).join(', ')})`;
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'AGENT_FAILED')
      return `the ssh-agent (${withinSentence(error.summary)})`;
    throw error;
  }
}
