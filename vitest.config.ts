import { defineConfig } from 'vitest/config';

/**
 * Tests with runs on a Temporal server, whole processes, killed workers and floods: minutes, not seconds. `npm test` leaves
 * them to `test:all`. A test that takes more than 10 seconds by itself belongs here too.
 */
const SLOW = [
  'test/activities/gates/set-up.test.ts',
  'test/activities/{first-policy-attacks,gates/baseline,gates/hostile-checks}.test.ts',
  'test/adapters/checks/real-caches.test.ts',
  'test/adapters/executor/model/*.test.ts',
  'test/adapters/executor/{acp,acp-failures,executor-contract}.test.ts',
  'test/adapters/platform/hostile-programs.test.ts',
  'test/adapters/sandbox/hostile-executor.test.ts',
  'test/adapters/sandbox/network/slow-clients.test.ts',
  'test/adapters/store/s3/store-s3-{conformance,run}.test.ts',
  'test/attacks/**/*.test.ts',
  'test/bench/{fair,history,run}.test.ts',
  'test/{client/client,plugin/plugin}.test.ts',
  'test/canary/*.test.ts',
  'test/cli/{bad-input,interrupted,known-words,process}.test.ts',
  'test/cli/audit/{verify/{bundle,hostile-trees},check/pr-check,trace/trace,ungoverned/ungoverned}.test.ts',
  'test/cli/decide/{decisions,terminal}.test.ts',
  'test/cli/demo/demo.test.ts',
  'test/cli/doctor/{executor,pollers}.test.ts',
  'test/cli/runs/{bundled-client,without-worker}.test.ts',
  'test/cli/runs/{gates,mcp}/*.test.ts',
  'test/cli/runs/{show/progress,trees/recover}.test.ts',
  'test/cli/start/{baseline,dev,hostile-writer,init-terminal,resume,two-users,worker-restart}.test.ts',
  'test/docs/{canary,ci-recipe,compose,own-executor,plugin-run,readme-story,team,temporal-ui}.test.ts',
  'test/handoff/*.test.ts',
  'test/recovery/**/*.test.ts',
  'test/secrets/**/*.test.ts',
  'test/support/temporal.test.ts',
  'test/temporal-cli/**/*.test.ts',
  'test/verify/governed-again.test.ts',
  'test/workflows/{budgets,continue-as-new,deadlines,failed-set-up,governed-run,hostile-signals,independence,provider-failures,replay-with-queries,reset}.test.ts',
];

const common = {
  globalSetup: 'test/support/global-setup.ts',
  pool: 'forks',
  // Hang guards only: no test is about how long something takes.
  testTimeout: 180_000,
  hookTimeout: 240_000,
  // The default of a second is a judgement about the machine: what is polled for comes late when it is busy.
  expect: { poll: { interval: 50, timeout: 60_000 } },
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
