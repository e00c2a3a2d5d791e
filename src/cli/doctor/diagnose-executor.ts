import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userGitEnv } from '../../adapters/git/environments.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { counted } from '../../contracts/sentences.js';
import type { CommandContext } from '../app/context.js';
import { findProject, requireSetting } from '../app/project.js';
import { showReport } from './show-report.js';
import { tryConfigured } from './try-configured.js';

const COMMITTER = ['user.name=promptos', 'user.email=promptos@localhost', 'commit.gpgSign=false'];
const NEXT = 'docs/executors.md, "Write your own", says what must hold.';

/** Tries an executor of the worker config in a small repository, which is removed afterwards, and shows each case. */
export async function diagnoseExecutor(context: CommandContext, principal: string): Promise<void> {
  const { setting } = await requireSetting(await findProject(context));
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'promptos-trial-')));
  try {
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
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeRepository(folder: string, env: CommandContext['env']): Promise<void> {
  await writeFile(join(folder, 'README.md'), '# Trial\n');
  const git = gitIn({ cwd: folder, env: userGitEnv(env) }, COMMITTER);
  await git.bytes(['init', '--quiet', '--template=']);
  await git.bytes(['add', '--all']);
  await git.bytes(['commit', '--quiet', '--no-verify', '--message', 'trial']);
}
