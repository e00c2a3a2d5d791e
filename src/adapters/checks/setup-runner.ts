import { realpath, stat } from 'node:fs/promises';
import type { PassedEnvironment } from '../../contracts/config/program-environment.js';
import { PromptOsError } from '../../contracts/errors.js';
import { type NetworkAccess, networkBeyond } from '../../contracts/network-access.js';
import type { SetupRunner } from '../../ports/gate-executor.js';
import { findProgram } from '../platform/find-program.js';
import { type CheckRunnerOptions, createCheckRunner } from './check-runner.js';

export interface SetupRunnerOptions extends CheckRunnerOptions {
  /** What set-up commands see of the worker's environment. */
  readonly passed: PassedEnvironment;
  /** The most that they may reach. */
  readonly network: NetworkAccess;
}

/** What package managers and their results run on: another version of one may need another result. */
const RUNTIMES = ['node', 'python3', 'go', 'rustc', 'java'];

/** Runs set-up commands as checks are run: in the sandbox, with a fresh HOME, and with the caches of downloads. */
export function createSetupRunner(options: SetupRunnerOptions): SetupRunner {
  const { allow, network: most, env, passed } = options;
  const runner = createCheckRunner({ ...options, allow: ['*'], network: 'none' });
  const requireGranted = (name: string, network: NetworkAccess): void => {
    if (!allow.includes('*') && !allow.includes(name)) {
      const granted = [...allow].sort().join(', ') || 'none';
      throw notGranted(`This worker does not grant the set-up command "${name}" (setup.allow); granted: ${granted}.`);
    }
    const beyond = networkBeyond(network, most);
    if (beyond.length === 0) return;
    const granted = typeof most === 'string' ? most : most.hosts.join(', ');
    const asked = beyond.join(', ');
    throw notGranted(
      `The set-up command "${name}" asks for the network (${asked}), which this worker does not grant (setup.network); granted: ${granted}.`,
    );
  };
  return {
    requireGranted,
    platform: async (programs) => {
      const path = passed.set.PATH ?? (passed.allow.includes('PATH') ? env.PATH : undefined);
      const names = [...new Set([...programs, ...RUNTIMES])];
      const found = await Promise.all(names.map((name) => programIdentity(name, path)));
      const set = Object.entries(passed.set).map(([name, value]) => `${name}=${value}`);
      return [process.platform, process.arch, ...set.sort(), ...found.filter((one) => one !== null)];
    },
    run: async (call) => {
      requireGranted(call.name, call.network);
      return runner.run(call);
    },
  };
}

const notGranted = (text: string): PromptOsError => new PromptOsError('SETUP_NOT_GRANTED', text);

/** Which file a program is, and when it was installed; null for one that is missing or belongs to the checkout. */
async function programIdentity(name: string, path: string | undefined): Promise<string | null> {
  const found = name.includes('/') ? null : findProgram(name, path);
  if (found === null) return null;
  const file = await realpath(found);
  const { size, mtimeMs } = await stat(file);
  return `${name} ${file} ${size} ${mtimeMs}`;
}
