import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GovernedWorker } from './governed-worker.js';
import { writeKeys } from './signing-policy.js';

/** The folder that holds everything of a site. */
export const siteRoot = (site: GovernedWorker): string => dirname(dirname(dirname(site.store.locate('run'))));

/** Writes a worker config that uses the queue and the store of a site. */
export async function writeSiteConfig(site: GovernedWorker, file: string, more: object = {}): Promise<void> {
  const store = { kind: 'fs', path: join(siteRoot(site), 'store') };
  const config = { schema_version: 1, task_queue: site.taskQueue, trust: { policies: ['none.yaml'] }, store, ...more };
  await writeFile(file, JSON.stringify(config));
}

/** A `PROMPTOS_HOME` from which the command line works on the runs of a site, with the keys of its people. */
export async function makeSiteHome(
  site: GovernedWorker,
  address: string,
): Promise<{ readonly cwd: string; readonly env: Record<string, string | undefined> }> {
  const cwd = join(siteRoot(site), 'home');
  await mkdir(cwd);
  await writeSiteConfig(site, join(cwd, 'worker.yaml'));
  const keys = await writeKeys(cwd, site.keys);
  return { cwd, env: { PATH: process.env.PATH, HOME: cwd, PROMPTOS_HOME: cwd, TEMPORAL_ADDRESS: address, ...keys } };
}
