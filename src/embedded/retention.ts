import { execa } from 'execa';
import { RETENTION } from './settings.js';
import type { ServerRecord } from './state-files.js';

/**
 * Has the server keep ended runs for `RETENTION`; `start-dev` has no flag for it. A server that refuses works all the
 * same, so that is no error.
 */
export async function keepEndedRuns({ binary, address, namespace }: ServerRecord): Promise<void> {
  const args = ['operator', 'namespace', 'update', '--namespace', namespace, '--retention', RETENTION];
  const isolated = ['--address', address, '--disable-config-file', '--disable-config-env'];
  await execa(binary, [...args, ...isolated], { reject: false, stdin: 'ignore', timeout: 10_000 });
}
