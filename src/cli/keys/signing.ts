import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createAgentSigner, listAgentIdentities } from '../../adapters/keys/agent-signer.js';
import { describeKeyFile } from '../../adapters/keys/key-files.js';
import type { SignerFor } from '../../client/options.js';
import { readEnvironment } from '../../config/environment.js';
import { keyFileOf } from '../../config/key-files.js';
import { parsePolicyBytes } from '../../config/policy-file.js';
import { keysFolder } from '../../config/user-folders.js';
import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import { own } from '../../contracts/json.js';
import type { PolicyKey } from '../../contracts/keys.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { withinSentence } from '../../contracts/sentences.js';
import type { PublicKey } from '../../domain/attest/public-keys.js';
import { isValidAt, pinKey } from '../../domain/judge/authenticate.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { Signer } from '../../ports/signer.js';
import type { CommandContext } from '../app/context.js';
import { openKeyFile, type PassphraseQuestions, terminalPassphrase } from './keys.js';

export interface OpenSignerOptions {
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

/**
 * The policy of a run: from the store, else a file of this machine with the same bytes, so that an integrator whose store
 * holds nothing of the run can sign.
 * @param files policies that may be the run's, such as that of the repository
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function readRunPolicy(
  store: Pick<ArtifactStore, 'readObject'>,
  sha256: string,
  files: readonly string[],
): Promise<Policy> {
  const bytes = await store.readObject(sha256).catch(async (error: unknown) => {
    if (!(error instanceof PromptOsError && error.code === 'OBJECT_NOT_FOUND')) throw error;
    const found = await findByDigest(files, sha256);
    if (found !== null) return found;
    const looked = files.length === 0 ? 'no policy file is here' : `${files.join(', ')} have other digests`;
    throw new PromptOsError('OBJECT_NOT_FOUND', `The store lacks the run's policy sha256:${sha256}, and ${looked}.`, {
      cause: error,
      hint: 'Use the store of the workers (`store:` in the worker config), or check out the policy that the run was started under.',
    });
  });
  return parsePolicyBytes(bytes, 'the run’s policy').policy;
}

async function findByDigest(files: readonly string[], sha256: string): Promise<Uint8Array | null> {
  for (const file of files) {
    const bytes = await readFile(file).catch(() => null);
    if (bytes !== null && sha256Hex(bytes) === sha256) return bytes;
  }
  return null;
}

export interface SigningOptions {
  readonly key?: string | undefined;
  /** The project's own folder of keys, looked in before the user's: the demonstration keeps its throwaway keys there. */
  readonly keysDir?: string | undefined;
  /** Policies of this machine, for a run whose policy the store does not hold. */
  readonly policyFiles?: readonly string[] | undefined;
}

/**
 * Finds the key that a principal signs with under a policy, on this machine: the private key never leaves it. Each
 * key is opened once, so a passphrase is asked once.
 */
export function createSignerFinder(context: CommandContext, store: ArtifactStore, options: SigningOptions): SignerFor {
  const opened = new Map<string, Promise<Signer | null>>();
  const find = async (principal: string, policySha256: string): Promise<Signer | null> => {
    const policy = await readRunPolicy(store, policySha256, options.policyFiles ?? []);
    const required = policy.decisions.authentication === 'required';
    const listed = own(policy.principals, principal)?.keys ?? [];
    if (options.key === undefined && listed.length === 0) {
      if (!required) return null;
      throw new PromptOsError(
        'KEY_NOT_FOUND',
        `The run's policy lists no key for "${principal}", and asks for signatures.`,
        {
          hint: 'Decide as a principal whose key the policy has, or start a run under a policy that has yours.',
        },
      );
    }
    try {
      return await open(principal, listed);
    } catch (error) {
      if (required || options.key !== undefined || !(error instanceof PromptOsError) || error.code !== 'KEY_NOT_FOUND')
        throw error;
      context
        .output()
        .note(`note: not signed, since there is no key of ${principal} here; the policy lets it count all the same`);
      return null;
    }
  };
  const open = (principal: string, listed: readonly PolicyKey[]): Promise<Signer> => {
    // A key that does not count now would only earn a refusal.
    const now = new Date().toISOString();
    const policyKeys = listed.map(pinKey).filter((key) => isValidAt(key, now));
    return openSigner(context, { principal, key: options.key ?? keyOfProject(principal, options.keysDir), policyKeys });
  };
  return (principal, policySha256) => {
    const id = `${principal} ${policySha256}`;
    const found = opened.get(id) ?? find(principal, policySha256);
    opened.set(id, found);
    return found;
  };
}

/** The key file that the project has for a principal; undefined where it has none. */
export function keyOfProject(principal: string, keysDir: string | undefined): string | undefined {
  const file = keysDir === undefined ? undefined : join(keysDir, `${principal}.pem`);
  return file !== undefined && existsSync(file) ? file : undefined;
}
