import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createFairActivities, type FairSetting } from './activities.js';

/** What the process is given as its one argument, in JSON. */
export interface FairWorkerSetting extends FairSetting {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** A workflow bundle that was made beforehand, as the governed worker has one. */
  readonly bundle: string;
}

// A process of its own, so that its memory and processor time are those of fair runs alone. It ends at SIGTERM.
const setting = JSON.parse(process.argv[2] ?? '{}') as FairWorkerSetting;
Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address: setting.address });
const worker = await Worker.create({
  connection,
  namespace: setting.namespace,
  taskQueue: setting.taskQueue,
  workflowBundle: { codePath: setting.bundle },
  activities: createFairActivities(setting),
  // As the governed worker has them (`src/plugin.ts`): they decide how soon a killed worker's work is done again.
  maxHeartbeatThrottleInterval: '2 seconds',
  stickyQueueScheduleToStartTimeout: '5 seconds',
});
console.log('ready');
await worker.run();
await connection.close();
