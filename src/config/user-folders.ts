import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import envPaths from 'env-paths';
import type { Variables } from './environment.js';

/** Where fetched programs are kept between repositories: `PROMPTOS_CACHE_DIR`, else `promptos` in the user's cache folder. */
export function cacheFolder(env: Variables): string {
  if (env.PROMPTOS_CACHE_DIR) return resolve(env.PROMPTOS_CACHE_DIR);
  const { cache } = envPaths('promptos', { suffix: '' });
  // The XDG Base Directory Specification ignores relative values, which env-paths takes.
  return isAbsolute(cache) ? cache : join(homedir(), '.cache', 'promptos');
}
