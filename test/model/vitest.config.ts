import { defineConfig } from 'vitest/config';

/** `npm run test:model`: apart from `npm test`, since it installs a language model and takes long. */
export default defineConfig({
  test: {
    include: ['test/model/**/*.real.ts'],
    globalSetup: 'test/support/built-package.ts',
    pool: 'forks',
    testTimeout: 4 * 3_600_000,
    hookTimeout: 900_000,
  },
});
