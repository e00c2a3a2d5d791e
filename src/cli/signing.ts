import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SignerFor } from '../client/client.js';
import { PromptOsError } from '../contracts/errors.js';
import { own } from '../contracts/json.js';
import type { PolicyKey } from '../contracts/keys.js';
import { isValidAt, pinKey } from '../domain/judge/authenticate.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { Signer } from '../ports/signer.js';
import type { CommandContext } from './context.js';
import { openSigner } from './open-signer.js';
import { readRunPolicy } from './run-policy.js';

export interface SigningOptions {
  /** The key file that `--key` names. */
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

function keyOfProject(principal: string, keysDir: string | undefined): string | undefined {
  const file = keysDir === undefined ? undefined : join(keysDir, `${principal}.pem`);
  return file !== undefined && existsSync(file) ? file : undefined;
}
