import { readFile } from 'node:fs/promises';
import { parsePolicyBytes } from '../config/policy-file.js';
import { sha256Hex } from '../contracts/digest.js';
import { PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import type { ArtifactStore } from '../ports/artifact-store.js';

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
