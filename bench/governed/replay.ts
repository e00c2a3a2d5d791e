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

/** A finished run and where its history is. */
export interface Replayed {
  readonly client: Client;
  readonly workflowId: string;
}

/** Median milliseconds of a replay of a whole run, as a worker needs that has lost it from its cache; all in turn. */
export async function measureReplay<Kind extends string>(
  replayed: Readonly<Record<Kind, Replayed>>,
  isBare: (kind: Kind) => boolean,
  runs: number,
): Promise<Readonly<Record<Kind, number | null>>> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const governed: WorkflowBundleOption = { codePath: WORKFLOW_BUNDLE };
  const bare = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../bare/workflow.js', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  const kinds = Object.keys(replayed) as Kind[];
  const times = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, number[]>;
  for (let run = 0; run < runs; run += 1) {
    for (const kind of kinds) {
      const { client, workflowId } = replayed[kind];
      times[kind].push(await replayOnce(client, workflowId, isBare(kind) ? bare : governed));
    }
  }
  return Object.fromEntries(kinds.map((kind) => [kind, median(times[kind])])) as Record<Kind, number | null>;
}
