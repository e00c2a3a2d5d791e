import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';

/** Work of some hundred milliseconds: in a workflow no clock goes on meanwhile. */
const ROUNDS = 40_000_000;

/** Loaded into the workflow sandbox: each query takes so long that a local activity may end before it is answered. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      handleQuery: async (input, next) => {
        let sum = 0;
        for (let round = 0; round < ROUNDS; round += 1) sum = (sum + round) % 7;
        if (sum < 0) throw new Error('unreachable');
        return next(input);
      },
    },
  ],
});
