import { sha256Hex } from '../contracts/digest.js';
import { type Policy, policySchema } from '../contracts/policy.js';
import { secretVariables } from '../rules/check-variables.js';
import { globsOfPolicy } from '../rules/stated-globs.js';
import { readNamedFile } from './read-file.js';
import { requireReadableGlobs } from './require-readable-globs.js';
import { invalidDocument, parseDocumentAs } from './schema-problems.js';
import { parseYaml } from './yaml-document.js';

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
