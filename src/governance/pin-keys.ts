import { readPublicKeyLine } from '../attestation/public-keys.js';
import { PromptOsError } from '../contracts/errors.js';
import type { PinnedKey, PolicyKey } from '../contracts/keys.js';
import type { Policy } from '../contracts/policy.js';

/** A policy's key as a run pins it. @throws PromptOsError POLICY_INVALID */
export function pinKey({ public: line, valid_from, valid_until, revoked_at }: PolicyKey): PinnedKey {
  const key = readPublicKeyLine(line);
  if (key === null) {
    throw new PromptOsError('POLICY_INVALID', `The policy's key "${line.slice(0, 40)}…" is no Ed25519 public key.`);
  }
  return {
    ...key,
    valid_from: valid_from ?? null,
    valid_until: valid_until ?? null,
    revoked_at: revoked_at ?? null,
  };
}

/** The keys of every principal of a policy that has some. @throws PromptOsError POLICY_INVALID */
export const pinKeys = ({ principals }: Policy): Record<string, PinnedKey[]> =>
  Object.fromEntries(
    Object.entries(principals).flatMap(([name, { keys }]) => (keys.length === 0 ? [] : [[name, keys.map(pinKey)]])),
  );
