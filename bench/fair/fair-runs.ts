import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { type Contender, driveRun } from '../contender.js';
import { BRANCHES } from '../governed/repository.js';
import type { Site } from '../governed/site.js';
import { startProcess } from '../processes.js';
import { indexOf } from './activities.js';
import type { FairWorkerSetting } from './worker.js';
import { answer, approve, awaited } from './workflow.js';

export const FAIR_TASK_QUEUE = 'fair';
const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const WARM_UP = 'warm-up';

export interface FairContender extends Contender {
  /** The file of its workflow bundle, for replays. */
  readonly bundle: string;
}

/**
 * Measures fair runs beside the governed ones of a site: on the same server and repository, with a worker of their own.
 * Both are warm then: one run of each has paid for what every later one finds.
 */
export async function besideFair<T>(
  { repository, server, client, governed }: Site,
  measure: (fair: FairContender) => Promise<T>,
  profile?: string | undefined,
): Promise<T> {
  // The fair runs give their executors the prompts of this one.
  await driveRun(governed, WARM_UP, { door: 'signal' });
  const state = await mkdtemp(join(tmpdir(), 'promptos-bench-fair-'));
  const bundle = join(state, 'workflows.js');
  await writeFile(bundle, await bundleFairWorkflow());
  writeIndexes(repository.folder, state);
  const setting: FairWorkerSetting = {
    address: server.address,
    namespace: server.namespace,
    taskQueue: FAIR_TASK_QUEUE,
    bundle,
    state,
    repository: repository.folder,
    agents: repository.agents,
    prompts: join(repository.stateDir, 'artifacts', 'runs', WARM_UP),
    env: { PATH: process.env.PATH ?? '' },
  };
  const startWorker = () => startProcess([WORKER, JSON.stringify(setting)], (line) => line === 'ready', { profile });
  let worker = await startWorker();
  const fair: FairContender = {
    ...fairContender(client),
    bundle,
    worker: () => worker,
    restartWorker: async () => {
      worker = await startWorker();
    },
  };
  try {
    await driveRun(fair, WARM_UP, { door: 'signal' });
    return await measure(fair);
  } finally {
    await worker.stop();
    await rm(state, { recursive: true, force: true });
  }
}

const workflowOf = (runId: string): string => `promptos/fair/${runId}`;

/** Fair runs on whatever worker polls their task queue. */
export const fairContender = (client: Client): Omit<Contender, 'worker' | 'restartWorker'> => ({
  client,
  workflowOf,
  start: async (runId, size) => {
    const args = [runId, BRANCHES[size]];
    await client.workflow.start('fairRun', { workflowId: workflowOf(runId), taskQueue: FAIR_TASK_QUEUE, args });
  },
  look: async (runId) => {
    const run = client.workflow.getHandle(workflowOf(runId));
    const pending = await run.query(awaited);
    if (pending === null) throw new Error(`${runId} waits for nothing`);
    const approval = { ...pending, actor: 'grace' };
    return {
      send: async (door) => {
        if (door === 'signal') await run.signal(approve, approval);
        else await run.executeUpdate(answer, { args: [approval] });
      },
    };
  },
});

/** Makes the index of each branch that a run can start from. */
export function writeIndexes(repository: string, state: string): void {
  for (const branch of Object.values(BRANCHES)) {
    execFileSync('git', ['-C', repository, 'read-tree', `--index-output=${indexOf(state, branch)}`, branch]);
  }
}

/** The code of the workflow, wherever this file is: source or compiled. */
export async function bundleFairWorkflow(): Promise<string> {
  const workflowsPath = fileURLToPath(new URL(`./workflow${import.meta.url.slice(-3)}`, import.meta.url));
  return (await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') })).code;
}
