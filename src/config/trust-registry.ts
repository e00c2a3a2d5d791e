import { readFile } from 'node:fs/promises';
import { sha256Hex } from '../contracts/digest.js';
import { systemCode } from '../contracts/system-code.js';
import type { WorkerConfig } from '../contracts/worker-config.js';
import type { TrustRegistry } from '../ports/trust.js';
import { DIGEST_PREFIX } from './worker-config-file.js';

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
 * What a worker config trusts, read anew at every question, so that a changed or removed policy stops counting at once.
 * @param config as `readWorkerConfig` gives it: paths are absolute
 */
export const createTrustRegistry = (config: Pick<WorkerConfig, 'trust'>): TrustRegistry => ({
  trustedPolicies: async () => new Set((await Promise.all(config.trust.policies.map(policyDigest))).flat()),
});
