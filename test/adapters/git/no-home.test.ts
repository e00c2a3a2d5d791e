import { expect, test, vi } from 'vitest';
import { readOnlyGitEnv } from '../../../src/adapters/git/environments.js';

// As in a container that runs as a user of no account.
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  homedir: () => {
    throw new Error('uv_os_homedir returned ENOENT');
  },
}));

test('readOnlyGitEnv: a user without a home folder has no configuration of their own', () => {
  expect(readOnlyGitEnv({ PATH: '/bin' })).toMatchObject({ HOME: '/nonexistent', PATH: '/bin' });
  expect(readOnlyGitEnv({ HOME: '/h' })).toMatchObject({ HOME: '/h' });
});
