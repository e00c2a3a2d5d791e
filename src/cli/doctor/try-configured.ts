import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createLauncher } from '../../adapters/platform/launcher.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { readPromptPack } from '../../config/prompt-pack.js';
import type { StartedExecutorConfig } from '../../contracts/config/executor-config.js';
import { sha256Hex } from '../../contracts/digest.js';
import { type TriedCase, tryExecutor } from '../../plugin/try-executor.js';
import { openExecutors, type WorkerSetting } from '../../worker.js';
import { requireStarted } from '../app/started-executor.js';

/** How long the time-out of the trial is. */
const HURRIED_MS = 2_000;

/** What is in a folder but git's own: each path, with the digest of its content. */
async function listing(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    if (path.startsWith(join(folder, '.git'))) return '';
    if (entry.isSymbolicLink()) return `${path} ${await readlink(path)}`;
    return `${path} ${entry.isFile() ? sha256Hex(await readFile(path)) : ''}`;
  });
  return (await Promise.all(lines)).sort().join('\n');
}

/**
 * Runs an executor of the worker config as a gate does, in a folder of the caller's.
 * @throws PromptOsError EXECUTOR_NOT_CONFIGURED, SANDBOX_UNAVAILABLE, and what the executor cannot start with
 */
export async function tryConfigured(
  setting: WorkerSetting,
  principal: string,
  directory: string,
): Promise<readonly TriedCase[]> {
  const config = requireStarted(setting, principal);
  const launcher = createLauncher(setting.env.PATH);
  const open = async (executor: StartedExecutorConfig) => {
    const one = { ...setting, config: { ...setting.config, executors: { [principal]: executor } } };
    return (await openExecutors(one, launcher)).executors.forPrincipal(principal);
  };
  try {
    return await tryExecutor(await open(config), {
      ...{ pack: await readPromptPack(builtInPackDir()), directory, look: () => listing(directory) },
      hurried: { executor: await open({ ...config, timeout: HURRIED_MS }), timeout_ms: HURRIED_MS },
    });
  } finally {
    await launcher.close();
  }
}
