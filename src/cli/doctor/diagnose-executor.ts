import { readdir, readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userGitEnv } from '../../adapters/git/environments.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { createLauncher } from '../../adapters/platform/launcher.js';
import { withPassingFolder } from '../../adapters/platform/leftovers.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { readPromptPack } from '../../config/prompt-pack.js';
import type { StartedExecutorConfig } from '../../contracts/config/executor-config.js';
import { sha256Hex } from '../../contracts/digest.js';
import { counted } from '../../contracts/sentences.js';
import { type TriedCase, tryExecutor } from '../../plugin/try-executor.js';
import { openExecutors, type WorkerSetting } from '../../worker.js';
import type { CommandContext } from '../app/context.js';
import { findProject, requireSetting } from '../app/project.js';
import { requireStarted } from '../app/started-executor.js';
import { showReport } from './probe.js';

const COMMITTER = ['user.name=promptos', 'user.email=promptos@localhost', 'commit.gpgSign=false'];
const NEXT = 'docs/executors.md, "Write your own", says what must hold.';

/** Tries an executor of the worker config in a small repository, which is removed afterwards, and shows each case. */
export async function diagnoseExecutor(context: CommandContext, principal: string): Promise<void> {
  const { setting } = await requireSetting(await findProject(context));
  await withPassingFolder(await realpath(tmpdir()), 'promptos-trial', async (folder) => {
    await makeRepository(folder, context.env);
    const cases = await tryConfigured(setting, principal, folder);
    const output = context.output();
    for (const { name, holds, message } of cases) {
      showReport(output, { name, message, ...(holds ? { status: 'ok' } : { status: 'fail', next: NEXT }) });
    }
    const failed = cases.filter(({ holds }) => !holds);
    output.say();
    output.say(
      failed.length === 0
        ? `${principal} keeps the contract.`
        : `${principal} fails ${failed.length} of ${counted(cases.length, 'case')}.`,
    );
    output.emit({ executor: principal, keeps_contract: failed.length === 0, cases });
    if (failed.length > 0) context.exit(1);
  });
}

async function makeRepository(folder: string, env: CommandContext['env']): Promise<void> {
  await writeFile(join(folder, 'README.md'), '# Trial\n');
  const git = gitIn({ cwd: folder, env: userGitEnv(env) }, COMMITTER);
  await git.bytes(['init', '--quiet', '--template=']);
  await git.bytes(['add', '--all']);
  await git.bytes(['commit', '--quiet', '--no-verify', '--message', 'trial']);
}

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
async function tryConfigured(
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
