import { canonicalSha256 } from '../contracts/canonical-json.js';
import { sha256Hex } from '../contracts/digest.js';
import type { PromptIndex } from '../contracts/prompt-pack.js';
import { INDEX_PATH, type PackFiles, packFile } from './pack-files.js';

/**
 * What identifies a pack: the SHA-256 of the canonical JSON of `{ path: sha256 }` over the index and the prompts that it
 * names. The lock is left out, so that locking a pack does not change it; a prompt that is missing is left out too.
 */
export function packDigest(files: PackFiles, index: PromptIndex): string {
  const paths = new Set([INDEX_PATH, ...index.prompts.map(({ path }) => path)]);
  const digests = [...paths].flatMap((path) => {
    const text = packFile(files, path);
    return text === undefined ? [] : [[path, sha256Hex(text)] as const];
  });
  return canonicalSha256(Object.fromEntries(digests));
}
