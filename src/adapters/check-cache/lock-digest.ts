import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CACHE_KINDS, type CacheKind } from './cache-kinds.js';

/** Files of a checkout by their path, without git's own. Links are not followed. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const files: string[] = [];
  const pending = [directory];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name !== '.git') pending.push(join(folder, entry.name));
      if (entry.isFile()) files.push(join(folder, entry.name));
    }
  }
  return files.sort();
}

/**
 * The kinds of cache that a checkout can use, each with the digest of its lock files: another dependency gives another
 * digest.
 */
export async function lockDigests(directory: string): Promise<ReadonlyMap<CacheKind, string>> {
  const digests = new Map<CacheKind, string>();
  const files = await filesOf(directory);
  for (const kind of CACHE_KINDS) {
    const locks = files.filter((file) => kind.lockFile.test(file.slice(file.lastIndexOf('/') + 1)));
    if (locks.length === 0) continue;
    const hash = createHash('sha256');
    for (const file of locks) {
      const content = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      hash.update(`${content}  ${relative(directory, file)}\n`);
    }
    digests.set(kind, hash.digest('hex'));
  }
  return digests;
}
