import { defineConfig } from 'vitest/config';

/** Tests with whole processes, killed workers and floods: minutes, not seconds. `npm test` leaves them to `test:all`. */
const SLOW = [
  'test/activities/first-policy-attacks.test.ts',
  'test/attacks/**/*.test.ts',
  'test/bench/**/*.test.ts',
  'test/cli/{bad-input,demo,dev,hostile-trees,hostile-writer,process,terminal,without-worker}.test.ts',
  'test/recovery/**/*.test.ts',
  'test/secrets/**/*.test.ts',
  'test/temporal-cli/**/*.test.ts',
  'test/verify/governed-again.test.ts',
  'test/workflows/{continue-as-new,deadlines,hostile-signals,reset}.test.ts',
];

const common = {
  globalSetup: 'test/support/global-setup.ts',
  pool: 'forks',
  // Hang guards only: no test is about how long something takes.
  testTimeout: 180_000,
  hookTimeout: 240_000,
  // Real processes and signals meet a stalling machine now and then: CI asks such a test twice, people see it at once.
  retry: process.env.CI === undefined ? 0 : 1,
} as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...common, name: 'fast', include: ['test/**/*.test.ts'], exclude: SLOW } },
      { test: { ...common, name: 'slow', include: SLOW } },
    ],
  },
});
