import { isAbsolute, join, resolve } from 'node:path';
import process from 'node:process';
import { homeFolder } from '../adapters/platform/home-folder.js';
import type { Variables } from './environment.js';

/**
 * A folder of ours in the user's own: on macOS below `~/Library`, elsewhere by the XDG Base Directory Specification, which
 * ignores relative values. The package env-paths is not used: it asks for the home folder when it is loaded, and a user of a
 * container may have none.
 */
function userFolder(env: Variables, platform: string, mac: string, xdg: string | undefined, usual: string): string {
  const home = homeFolder(env.HOME);
  if (platform === 'darwin') return join(home, 'Library', mac, 'promptos');
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, usual), 'promptos');
}

/** Where fetched programs are kept between repositories: `PROMPTOS_CACHE_DIR`, else the user's own cache folder. */
export const cacheFolder = (env: Variables, platform: string = process.platform): string =>
  env.PROMPTOS_CACHE_DIR
    ? resolve(env.PROMPTOS_CACHE_DIR)
    : userFolder(env, platform, 'Caches', env.XDG_CACHE_HOME, '.cache');

/** Where a user's private keys are: `PROMPTOS_KEYS_DIR`, else `keys` in the user's own config folder. */
export const keysFolder = (env: Variables, platform: string = process.platform): string =>
  env.PROMPTOS_KEYS_DIR
    ? resolve(env.PROMPTOS_KEYS_DIR)
    : join(userFolder(env, platform, 'Application Support', env.XDG_CONFIG_HOME, '.config'), 'keys');
