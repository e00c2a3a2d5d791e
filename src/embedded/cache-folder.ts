import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where fetched programs are kept between repositories: `PROMPTOS_CACHE_DIR`, else `promptos` in the user's own cache
 * folder (macOS `~/Library/Caches`, elsewhere the XDG Base Directory Specification, which ignores relative values).
 */
export function cacheFolder(env: Environment, platform: string = process.platform): string {
  if (env.PROMPTOS_CACHE_DIR) return resolve(env.PROMPTOS_CACHE_DIR);
  const home = env.HOME || homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'promptos');
  const xdg = env.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, '.cache'), 'promptos');
}
