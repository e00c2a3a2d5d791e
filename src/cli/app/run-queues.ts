import type { Connection } from '@temporalio/client';
import { EXECUTOR_ROLES, GATES, roleTaskQueue } from '../../contracts/names.js';

/** temporal.api.enums.v1.TaskQueueType. */
const WORKFLOWS = 1;
const ACTIVITIES = 2;

/** A task queue that runs need a worker on. */
export interface RunQueue {
  readonly name: string;
  readonly type: number;
  /** What waits when no worker polls it, for a person. */
  readonly carries: string;
}

/** The queues of a project: the engine's, and one for each role. */
export const runQueues = (engine: string): readonly RunQueue[] => [
  { name: engine, type: WORKFLOWS, carries: 'the run itself' },
  ...EXECUTOR_ROLES.map((role) => ({
    name: roleTaskQueue(engine, role),
    type: ACTIVITIES,
    carries: Object.entries(GATES)
      .filter(([, gate]) => gate.role === role)
      .map(([id]) => id)
      .join(', '),
  })),
];

/** How many workers have polled a queue in the last minutes, as the server says. */
export async function countPollers(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
  { name, type }: Pick<RunQueue, 'name' | 'type'>,
): Promise<number> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: type,
  });
  return pollers?.length ?? 0;
}
