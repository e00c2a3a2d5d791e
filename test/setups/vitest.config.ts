import { defineConfig } from 'vitest/config';

/** `npm run test:setups`: apart from `npm test`, since package managers and packages come from their registries. */
export default defineConfig({
  test: {
    include: ['test/setups/**/*.real.ts'],
    globalSetup: 'test/support/built-package.ts',
    pool: 'forks',
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
