import { lstat, mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOnlyGitEnv, userGitEnv } from '../../adapters/git/environments.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { replaceFile } from '../../adapters/platform/durable-files.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import type { CommandContext } from '../app/context.js';
import { readJob } from '../app/judged-job.js';
import { printableLine } from '../app/printable.js';
import { pathFrom } from './packs.js';
import { HOOK_MARKER, JOB_SETTING, PLAN_SETTING, preCommitHook } from './pre-commit-hook.js';

/** The `promptos` of this package, three levels above this file, in `src` as in `dist`. */
const ownProgram = (): string => fileURLToPath(new URL('../../../bin/promptos', import.meta.url));

async function askGit(context: CommandContext, cwd: string, args: readonly string[]): Promise<string | null> {
  const { exitCode, stdout } = await gitIn({ cwd, env: readOnlyGitEnv(context.env) }).ask(args);
  return exitCode === 0 ? stdout.toString('utf8').replace(/\n$/, '') : null;
}

/** The file at the place of the hook: null for none; foreign is whatever we did not write. */
async function presentHook(path: string): Promise<{ text: string | null; mode: number } | 'foreign'> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) return 'foreign';
    const text = await readFile(path, 'utf8');
    return text.split('\n').includes(HOOK_MARKER) ? { text, mode: stats.mode } : 'foreign';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { text: null, mode: 0 };
    throw error;
  }
}

/** Never half a hook: git would run it. */
async function writeHook(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile({ path, text, mode: 0o755 });
  } catch (error) {
    const why = messageOf(error);
    throw new PromptOsError('FILE_NOT_READABLE', `The hook could not be written: ${why}.`, { cause: error });
  }
}

interface HookOptions {
  readonly job?: string;
  readonly plan?: string;
}

/** Below the top of the working tree a path is relative to it, since git runs hooks there; any other one is absolute. */
async function pathFromTop(context: CommandContext, top: string, named: string): Promise<string> {
  const path = await realpath(resolve(context.cwd, named));
  const below = relative(await realpath(top), path);
  return below === '..' || below.startsWith('../') ? path : below || '.';
}

/** Names in the repository's git what its commits are held to. */
async function writeSettings(context: CommandContext, top: string, { job, plan }: HookOptions): Promise<void> {
  const git = gitIn({ cwd: top, env: userGitEnv(context.env) });
  for (const [setting, named] of [[JOB_SETTING, job] as const, [PLAN_SETTING, plan] as const]) {
    if (named === undefined) continue;
    await git.bytes(['config', '--local', setting, await pathFromTop(context, top, named)]);
  }
}

export async function installHook(context: CommandContext, { job, plan }: HookOptions = {}): Promise<void> {
  if (job === undefined && plan !== undefined) {
    throw new PromptOsError('USAGE', '--plan needs --job: a plan alone does not say what is in scope.');
  }
  const judged =
    job === undefined ? null : await readJob(context.cwd, { job, ...(plan === undefined ? {} : { plan }) });
  const top = await askGit(context, context.cwd, ['rev-parse', '--show-toplevel']);
  if (top === null) throw new PromptOsError('REPO_NOT_GIT', `${context.cwd} is in no git repository.`);
  // From the top, since a relative core.hooksPath is relative to it; git itself knows where hooks are.
  const hooks = await askGit(context, top, ['rev-parse', '--git-path', 'hooks']);
  if (hooks === null) throw new PromptOsError('GIT_FAILED', 'git could not say where the hooks of the repository are.');
  const path = join(resolve(top, hooks), 'pre-commit');
  const gitDir = await askGit(context, top, ['rev-parse', '--path-format=absolute', '--git-common-dir']);
  // A hooks folder outside .git may be committed: no path of this machine may be in it.
  const isPrivate = gitDir !== null && !relative(gitDir, path).startsWith('..');
  const text = preCommitHook(isPrivate ? ownProgram() : null);
  const present = await presentHook(path);
  const shown = pathFrom(context.cwd, path);
  if (present === 'foreign') {
    throw new PromptOsError('HOOK_FOREIGN', `${shown} is there already and is not ours; it was left as it is.`);
  }
  const current = present.text === text && (present.mode & 0o111) === 0o111;
  if (!current) await writeHook(path, text);
  await writeSettings(context, top, { ...(job === undefined ? {} : { job }), ...(plan === undefined ? {} : { plan }) });
  const result = current ? 'current' : present.text === null ? 'installed' : 'renewed';
  const output = context.output();
  if (output.json) {
    output.emit({ path: shown, result, ...(judged === null ? {} : { job: judged.path }) });
    return;
  }
  output.say(`${shown}: ${result}`);
  if (judged !== null) output.say(`commits are held to the job "${printableLine(judged.title)}"`);
}
