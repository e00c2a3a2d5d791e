import { lstat, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOnlyGitEnv, userGitEnv } from '../../adapters/git/environments.js';
import { openLocalRepository } from '../../adapters/git/repository.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { replaceFile } from '../../adapters/platform/durable-files.js';
import { makeFolders } from '../../adapters/platform/make-folders.js';
import { messageOf, PromptOsError, writeFailure } from '../../contracts/errors.js';
import type { CommandContext } from '../app/context.js';
import { readJob } from '../app/judged-job.js';
import { printableLine, shellWord } from '../app/printable.js';
import { pathFrom } from './packs.js';

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
    await makeFolders(dirname(path));
    await replaceFile({ path, text, mode: 0o755 });
  } catch (error) {
    const why = messageOf(error);
    throw writeFailure(`The hook could not be written: ${why}.`, error);
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
  const { top } = await openLocalRepository(context.cwd, readOnlyGitEnv(context.env));
  if (top === null) throw new PromptOsError('REPO_NOT_GIT', `${context.cwd} is in no git working tree.`);
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

/** By this line a hook is known to be ours. */
const HOOK_MARKER = '# promptos: lint staged prompt packs';

/** Settings of a repository's git that name what its commits are held to. */
const JOB_SETTING = 'promptos.job';
const PLAN_SETTING = 'promptos.plan';

/**
 * The text of the pre-commit hook. It lints, as they are staged, the packs of which something is staged; and where the
 * repository's git has a job, it judges what is staged by the rules on patches.
 * @param program the promptos to call when the repository has none of its own; null to look on PATH only
 */
export const preCommitHook = (program: string | null): string => `#!/bin/sh
${HOOK_MARKER}
# Written by \`promptos hooks install\`; remove the file to be rid of it.
set -u
program=${program === null ? "''" : shellWord(program)}
if [ -x node_modules/.bin/promptos ]; then program=$PWD/node_modules/.bin/promptos
elif [ -n "$program" ] && [ -x "$program" ]; then :
elif command -v promptos >/dev/null 2>&1; then program=promptos
else program=
fi
status=0
need() {
  [ -n "$program" ] && return 0
  echo "promptos: not found, so $1 cannot be checked; install it, or commit with --no-verify" >&2
  return 1
}
job=$(git config --type=path --get ${JOB_SETTING}) || job=
if [ -n "$job" ] && ! git diff --cached --quiet; then
  if [ -e "$(git rev-parse --git-path MERGE_HEAD)" ]; then
    echo 'promptos: a merge is not checked here; check the branch: promptos check --base COMMIT' >&2
  elif ! need 'what is staged'; then
    status=1
  else
    plan=$(git config --type=path --get ${PLAN_SETTING}) || plan=
    "$program" check --staged --job "$job" \${plan:+--plan "$plan"} >&2 || {
      status=1
      echo 'promptos: the commit is refused; docs/rules.md explains each rule. To commit all the same: git commit --no-verify' >&2
      echo 'promptos: continuous integration judges the branch again by the same rules.' >&2
    }
  fi
fi
packs=$(git -c core.quotePath=false ls-files -- 'prompts.index.json' '*/prompts.index.json') || exit 1
[ -n "$packs" ] || exit "$status"
staged=$(mktemp -d) || exit 1
trap 'rm -rf "$staged"' EXIT
trap 'exit 1' HUP INT TERM
while IFS= read -r index; do
  pack=$(dirname -- "$index")
  git --literal-pathspecs diff --cached --quiet -- "$pack" && continue
  git --literal-pathspecs ls-files -z -- "$pack" | git checkout-index -z --stdin --force --prefix="$staged/" || exit 1
  if need 'the staged prompt pack'; then ( cd "$staged" && "$program" lint "$pack" ) || status=1; else status=1; fi
done <<PACKS
$packs
PACKS
exit "$status"
`;
