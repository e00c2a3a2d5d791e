import { userInfo } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { homeFolder } from '../../../src/adapters/platform/home-folder.js';

afterEach(() => vi.unstubAllEnvs());

test('homeFolder: is what HOME names', () => {
  vi.stubEnv('HOME', '/home/ada');
  expect(homeFolder()).toBe('/home/ada');
});

test.each(['', undefined])(
  "homeFolder: with HOME %j it is the user's own, so that keys are not made elsewhere",
  (home) => {
    vi.stubEnv('HOME', home);
    expect(homeFolder()).toBe(userInfo().homedir);
  },
);
