import { defineConfig } from 'vitest/config';

/** `npm run test:ui`: apart from `npm test`, since it wants a browser. */
export default defineConfig({
  test: {
    include: ['test/ui/**/*.ui.ts'],
    globalSetup: 'test/support/built-package.ts',
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
