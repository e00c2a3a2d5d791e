import type { Client } from '@temporalio/client';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { median } from './figures.js';

const COPIES = 20;

/** Replays a history some times, and once; the difference is what one replay takes without the worker's start. */
async function replayOnce(client: Client, workflowId: string, workflowBundle: WorkflowBundleOption): Promise<number> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const replay = async (times: number): Promise<number> => {
    const before = performance.now();
    const copies = Array.from({ length: times }, () => ({ workflowId, history }));
    for await (const { error } of Worker.runReplayHistories({ workflowBundle }, copies)) if (error) throw error;
    return performance.now() - before;
  };
  await replay(1);
  const once = await replay(1);
  return ((await replay(COPIES + 1)) - once) / COPIES;
}

/** Median milliseconds of a replay of a whole run, as a worker needs that has lost it from its cache. */
export async function measureReplay(
  client: Client,
  workflowId: string,
  bundle: string,
  times: number,
): Promise<number | null> {
  const all: number[] = [];
  for (let time = 0; time < times; time += 1) all.push(await replayOnce(client, workflowId, { codePath: bundle }));
  return median(all);
}
