import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import process from 'node:process';
import type { Variables } from './environment.js';

/**
 * Where fetched programs are kept between repositories: `PROMPTOS_CACHE_DIR`, else `promptos` in the user's own cache folder
 * (macOS `~/Library/Caches`, elsewhere the XDG Base Directory Specification, which ignores relative values). The package
 * env-paths is not used: it asks for the home folder when it is loaded, and a user of a container may have none.
 */
export function cacheFolder(env: Variables, platform: string = process.platform): string {
  if (env.PROMPTOS_CACHE_DIR) return resolve(env.PROMPTOS_CACHE_DIR);
  const home = env.HOME || homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'promptos');
  const xdg = env.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, '.cache'), 'promptos');
}
