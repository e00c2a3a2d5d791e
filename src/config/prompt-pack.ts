import { fileURLToPath } from 'node:url';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import { packDigest } from '../prompt-pack/digest.js';
import { loadPack, requirePromptIndex } from '../prompt-pack/load.js';
import { readEnvironment, type Variables } from './environment.js';
import { packFolder, readIndexedFiles } from './pack-files.js';
import { packTag } from './pack-version.js';

/** The folder of the prompt pack that comes with this package: two levels above this file, in `src` as in `dist`. */
export const builtInPackDir = (): string => fileURLToPath(new URL('../../prompts', import.meta.url));

/**
 * Reads a pack as a run would use it: index, lock and indexed prompts, complete and in agreement with the lock. Its
 * version is the git tag only when DIR's own repository is clean and exactly at it, else the index's.
 * @throws PromptOsError PACK_NOT_FOUND, PACK_INVALID, PACK_LOCK_MISMATCH
 */
export async function readPromptPack(directory: string, variables?: Variables): Promise<PromptPackBundle> {
  const files = await readIndexedFiles(directory);
  const index = requirePromptIndex(files);
  const bundle = { schema_version: 1, digest: packDigest(files, index), files } as const;
  const untagged = { ...bundle, prompt_os_version: index.prompt_os_version };
  loadPack(untagged);
  const tag = await packTag(await packFolder(directory), Object.keys(files), variables ?? readEnvironment().variables);
  return tag === null ? untagged : { ...bundle, prompt_os_version: tag };
}
