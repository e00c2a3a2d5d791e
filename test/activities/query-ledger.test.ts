import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { queryOwnLedger } from '../../src/activities/query-ledger.js';

test('queryOwnLedger: asks the very execution that called the activity', async () => {
  const asked: unknown[] = [];
  const client = {
    // The environment runs an activity under the client's own abort signal.
    withAbortSignal: (_: AbortSignal, work: () => unknown) => work(),
    workflow: {
      getHandle: (...execution: unknown[]) => ({
        query: async ({ name }: { readonly name: string }) => {
          asked.push([...execution, name]);
          return [{ seq: 0 }];
        },
      }),
    },
  } as unknown as Client;
  const workflowExecution = { workflowId: 'promptos/run/fix', runId: 'r1' };
  const environment = new MockActivityEnvironment({ workflowExecution }, { client });
  expect(await environment.run(() => queryOwnLedger(Context.current()))).toEqual([{ seq: 0 }]);
  expect(asked).toEqual([['promptos/run/fix', 'r1', 'ledger']]);
});
