import fs, { existsSync, renameSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createGovernanceWorkers, type WorkerSetting } from '../../src/worker.js';

/** What the test hands over, as one JSON argument. */
export interface WorkerChildInput {
  readonly address: string;
  readonly setting: Omit<WorkerSetting, 'env'>;
  /** Variables that the worker has over those of the test. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The workflows, bundled by the test. */
  readonly codePath: string;
  /** Where a test puts its holds. */
  readonly control: string;
}

const { address, setting, env, codePath, control } = JSON.parse(process.argv[2] ?? '') as WorkerChildInput;

// A publication ends in two renames, to `manifests/<run>` and `runs/<run>`: one that the test holds never begins.
const { rename } = fs.promises;
fs.promises.rename = async (from, to) => {
  const point = join(control, `${basename(String(to))}.${basename(dirname(String(to)))}`);
  if (existsSync(`${point}.hold`)) {
    renameSync(`${point}.hold`, `${point}.held`);
    await new Promise(() => undefined);
  }
  return rename(from, to);
};
syncBuiltinESMExports();

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const connection = await NativeConnection.connect({ address });
const workers = await createGovernanceWorkers(
  { ...setting, env: { ...process.env, ...env } },
  { connection, namespace: 'default', workflowBundle: { codePath } },
);
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => workers.shutdown());
console.log('ready');
await workers.run();
await connection.close();
console.log('stopped');
