import { describe } from 'vitest';
import { testExecutorContract } from '../../support/executor-contract.js';
import { EXECUTOR_HARNESSES } from '../../support/executor-harness.js';

describe.runIf(process.platform === 'linux')('executor contract', () => {
  for (const [kind, open] of Object.entries(EXECUTOR_HARNESSES)) {
    describe(kind, () => testExecutorContract(kind, open));
  }
});
