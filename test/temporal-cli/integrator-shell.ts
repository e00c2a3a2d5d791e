import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { findServerBinary } from '../../src/embedded/temporal-cli.js';
import { PROMPTOS } from '../support/built-package.js';
import type { GovernedWorker } from '../support/governed-worker.js';
import { writeKeys } from '../support/signing-policy.js';
import { writeSiteConfig } from '../support/site-home.js';

export interface ShellRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A shell with `promptos` and `temporal` on its PATH, the people's keys in its home, and no terminal. */
export interface IntegratorShell {
  run(command: string): Promise<ShellRun>;
  close(): Promise<void>;
}

export async function integratorShell(worker: GovernedWorker, address: string): Promise<IntegratorShell> {
  const home = await mkdtemp(join(tmpdir(), 'promptos-integrator-'));
  const bin = join(home, 'bin');
  await mkdir(bin);
  await symlink(PROMPTOS, join(bin, 'promptos'));
  await symlink((await findServerBinary({ env: process.env })).path, join(bin, 'temporal'));
  await writeSiteConfig(worker, join(home, 'worker.yaml'));
  const env = {
    PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: home,
    PROMPTOS_HOME: home,
    TEMPORAL_ADDRESS: address,
    ...(await writeKeys(home, worker.keys)),
  };
  return {
    run: (command) =>
      new Promise((resolve) => {
        const child = execFile('bash', ['-c', command], { cwd: home, env }, (_error, stdout, stderr) =>
          resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
        );
        child.stdin?.end();
      }),
    close: () => rm(home, { recursive: true, force: true }),
  };
}
