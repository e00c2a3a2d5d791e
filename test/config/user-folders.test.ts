import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { cacheFolder } from '../../src/config/user-folders.js';

afterEach(() => vi.unstubAllEnvs());

test('cacheFolder: PROMPTOS_CACHE_DIR, whatever else is set', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/x');
  expect(cacheFolder({ PROMPTOS_CACHE_DIR: '/c' })).toBe('/c');
});

test.runIf(process.platform === 'linux').each([
  ['/x', '/x/promptos'],
  ['relative', join(homedir(), '.cache', 'promptos')],
  [undefined, join(homedir(), '.cache', 'promptos')],
])('cacheFolder: with XDG_CACHE_HOME=%s it is %s', (value, folder) => {
  vi.stubEnv('XDG_CACHE_HOME', value);
  expect(cacheFolder({})).toBe(folder);
});
