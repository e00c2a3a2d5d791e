import { defineConfig } from 'vitest/config';

/** `npm run test:agents`: apart from `npm test`, since it installs agents from their registries. */
export default defineConfig({
  test: {
    include: ['test/agents/**/*.real.ts'],
    globalSetup: 'test/support/built-package.ts',
    pool: 'forks',
    testTimeout: 240_000,
    hookTimeout: 600_000,
  },
});
