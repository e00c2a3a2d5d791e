import { readFile } from 'node:fs/promises';
import type { WorkerConfig } from '../contracts/config/worker-config.js';
import { sha256Hex } from '../contracts/digest.js';
import { type ErrorCode, systemCode } from '../contracts/errors.js';
import { type Policy, policySchema } from '../contracts/policy/policy.js';
import type { TrustRegistry } from '../ports/signer.js';
import { secretVariables } from '../rules/attempts/observations.js';
import { globsOfPolicy, refusedGlobs, type StatedGlob } from '../rules/paths/stated-globs.js';
import { readNamedFile } from './files.js';
import { DIGEST_PREFIX } from './worker-config-file.js';
import { invalidDocument, parseDocumentAs, parseYaml, type YamlDocument } from './yaml-document.js';

/** A policy with the exact bytes that were read. */
export interface PolicyFile {
  readonly policy: Policy;
  /** Of `bytes`: a comment that changes makes another policy. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * Parses the bytes of a policy, from a file or from the store.
 * @param name what messages call it
 * @throws PromptOsError YAML_MALFORMED, POLICY_INVALID with every problem
 */
export function parsePolicyBytes(bytes: Uint8Array, name = 'policy'): PolicyFile {
  const policy = parseDocumentAs(parseYaml(bytes, name), policySchema, 'POLICY_INVALID');
  return { policy, sha256: sha256Hex(bytes), bytes };
}

/** @throws PromptOsError POLICY_NOT_FOUND, FILE_NOT_READABLE, YAML_MALFORMED, POLICY_INVALID */
export const readPolicy = async (path: string): Promise<PolicyFile> =>
  parsePolicyBytes(await readNamedFile(path, 'POLICY_NOT_FOUND'), path);

/**
 * The policy of a run that is to start, or of a project that is examined: its globs must be ones that can be judged, and
 * it gives no check a credential.
 * @throws PromptOsError POLICY_NOT_FOUND, FILE_NOT_READABLE, YAML_MALFORMED, POLICY_INVALID
 */
export async function readPolicyInForce(path: string): Promise<PolicyFile> {
  const read = await readPolicy(path);
  const document = parseYaml(read.bytes, path);
  requireReadableGlobs(document, globsOfPolicy(read.policy), 'POLICY_INVALID');
  const secrets = secretVariables(read.policy).map(({ path: place, what }) => ({ path: place, text: what }));
  if (secrets.length > 0) throw invalidDocument(document, secrets, 'POLICY_INVALID');
  return read;
}

/**
 * Refuses globs that can match no path or whose meaning is not certain, at their lines. Only where a run starts: a
 * document of an older run is read as it is.
 * @throws PromptOsError with `code`
 */
export function requireReadableGlobs(document: YamlDocument, globs: readonly StatedGlob[], code: ErrorCode): void {
  const problems = refusedGlobs(globs).map(({ path, glob, what }) => ({ path, text: `the glob "${glob}" ${what}` }));
  if (problems.length > 0) throw invalidDocument(document, problems, code);
}

/** What a path that leads to no readable file fails with. Anything else is trouble that may pass. */
const NO_SUCH_FILE = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'ELOOP']);

async function policyDigest(entry: string): Promise<readonly string[]> {
  if (entry.startsWith(DIGEST_PREFIX)) return [entry.slice(DIGEST_PREFIX.length)];
  try {
    return [sha256Hex(await readFile(entry))];
  } catch (error) {
    // A policy that was removed is a policy that is trusted no more.
    if (NO_SUCH_FILE.has(systemCode(error) ?? '')) return [];
    throw error;
  }
}

/**
 * What a worker config trusts, read again at every call, so that a changed or removed policy stops counting at once.
 * @param config as `readWorkerConfig` gives it: paths are absolute
 */
export const createTrustRegistry = (config: Pick<WorkerConfig, 'trust'>): TrustRegistry => ({
  trustedPolicies: async () => new Set((await Promise.all(config.trust.policies.map(policyDigest))).flat()),
});
