import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from '../../src/config/user-folders.js';

test.each([
  [{ PROMPTOS_CACHE_DIR: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, 'linux', '/c'],
  [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, 'linux', '/x/promptos'],
  [{ XDG_CACHE_HOME: 'relative', HOME: '/h' }, 'linux', '/h/.cache/promptos'],
  [{ HOME: '/h' }, 'linux', '/h/.cache/promptos'],
  [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, 'darwin', '/h/Library/Caches/promptos'],
  [{}, 'linux', join(homedir(), '.cache', 'promptos')],
  [{ HOME: 'relative' }, 'linux', join(homedir(), '.cache', 'promptos')],
])('cacheFolder: with %j on %s it is %s', (env, platform, folder) => {
  expect(cacheFolder(env, platform)).toBe(folder);
});
