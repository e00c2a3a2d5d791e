import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { median } from '../measure.js';
import { WORKFLOW_BUNDLE } from './package-root.js';

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
export async function measureReplay(client: Client, governedId: string, bareId: string, runs: number) {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const governed: WorkflowBundleOption = { codePath: WORKFLOW_BUNDLE };
  const bare = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../bare/workflow.js', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  const times = { governed: [] as number[], bare: [] as number[] };
  for (let run = 0; run < runs; run += 1) {
    times.governed.push(await replayOnce(client, governedId, governed));
    times.bare.push(await replayOnce(client, bareId, bare));
  }
  return { governed_ms: median(times.governed), bare_ms: median(times.bare) };
}
