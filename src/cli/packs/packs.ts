import { lstat, mkdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOnlyGitEnv } from '../../adapters/git/environments.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { replaceFile } from '../../adapters/platform/durable-files.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { readPackFolder, readPromptPack } from '../../config/prompt-pack.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import { PROMPT_IDS } from '../../contracts/names.js';
import { counted } from '../../contracts/sentences.js';
import { lintPack } from '../../prompt-pack/lint.js';
import type { LintFinding } from '../../prompt-pack/lint-text.js';
import { loadPack, requirePromptIndex } from '../../prompt-pack/load.js';
import { formatPromptLock, LOCK_PATH, makePromptLock, packFile } from '../../prompt-pack/pack-digest.js';
import type { CommandContext } from '../app/context.js';

/** A path that an editor or a terminal can open: relative where the file is below the current folder. */
export function pathFrom(cwd: string, path: string): string {
  const shown = relative(cwd, path);
  return shown.startsWith('..') || isAbsolute(shown) ? path : shown;
}

const count = (findings: readonly LintFinding[], severity: LintFinding['severity']): string => {
  const number = findings.filter((finding) => finding.severity === severity).length;
  return counted(number, severity);
};

export async function lintFolder(context: CommandContext, directory?: string): Promise<void> {
  const folder = directory === undefined ? builtInPackDir() : resolve(context.cwd, directory);
  const { passed, findings } = lintPack(await readPackFolder(folder));
  const output = context.output();
  if (output.json) {
    output.emit({ passed, findings });
  } else {
    for (const { path, line, severity, code, message } of findings) {
      output.say(`${pathFrom(context.cwd, join(folder, path))}:${line} ${severity} ${code} ${message}`);
    }
    output.say(`${passed ? 'passed' : 'failed'}: ${count(findings, 'error')}, ${count(findings, 'warning')}`);
  }
  if (!passed) context.exit(1);
}

interface PackOptions {
  readonly promptPack?: string;
}

const packFolderOf = (context: CommandContext, { promptPack }: PackOptions): string =>
  promptPack === undefined ? builtInPackDir() : resolve(context.cwd, promptPack);

export async function listPrompts(context: CommandContext, options: PackOptions): Promise<void> {
  const pack = loadPack(await readPromptPack(packFolderOf(context, options), context.env));
  const prompts = PROMPT_IDS.map((id) => pack.prompts[id]);
  const output = context.output();
  if (output.json) {
    const shown = prompts.map(({ text: _, ...prompt }) => prompt);
    output.emit({ prompt_os_version: pack.version, digest: pack.digest, prompts: shown });
    return;
  }
  const width = Math.max(...prompts.map(({ version }) => version.length));
  output.say(`PromptOS ${pack.version}`);
  output.say(`digest ${pack.digest}`);
  for (const { prompt_id, version, sha256, name } of prompts) {
    output.say(`${prompt_id}  ${version.padEnd(width)}  ${sha256}  ${name}`);
  }
}

export async function showPrompt(context: CommandContext, given: string, options: PackOptions): Promise<void> {
  const id = PROMPT_IDS.find((one) => one === given.toUpperCase());
  if (id === undefined) {
    throw new PromptOsError('USAGE', `Expected one of ${PROMPT_IDS.join(', ')}, received "${given}".`);
  }
  const pack = loadPack(await readPromptPack(packFolderOf(context, options), context.env));
  const prompt = pack.prompts[id];
  const output = context.output();
  if (output.json) output.emit(prompt);
  else output.say(prompt.text.replace(/\n$/, ''));
}

/** A reader of the folder sees the old lock or the new one, never half of one. */
async function replaceLock(folder: string, text: string): Promise<void> {
  try {
    await replaceFile({ path: join(folder, LOCK_PATH), text });
  } catch (error) {
    const why = messageOf(error);
    throw new PromptOsError('FILE_NOT_READABLE', `The lock could not be written: ${why}.`, { cause: error });
  }
}

export async function lockPack(
  context: CommandContext,
  options: PackOptions & { readonly check?: true },
): Promise<void> {
  const folder = packFolderOf(context, options);
  const files = await readPackFolder(folder);
  const index = requirePromptIndex(files);
  const errors = lintPack(files).findings.filter(
    ({ severity, code }) => severity === 'error' && !code.startsWith('LOCK_'),
  );
  const [first] = errors;
  if (first !== undefined) {
    const place = `${pathFrom(context.cwd, join(folder, first.path))}:${first.line}`;
    throw new PromptOsError(
      'PACK_LINT_FAILED',
      `Only a pack that passes its linter is locked; ${counted(errors.length, 'error')}, the first: ${place} ${first.code} ${first.message}.`,
    );
  }
  const wanted = formatPromptLock(makePromptLock(files, index));
  const current = packFile(files, LOCK_PATH) === wanted;
  const path = pathFrom(context.cwd, join(folder, LOCK_PATH));
  const output = context.output();
  const write = !current && options.check === undefined;
  if (write) await replaceLock(folder, wanted);
  const result = current ? 'current' : write ? 'written' : 'stale';
  if (output.json) output.emit({ path, result });
  else output.say(result === 'stale' ? `${path} is stale: run \`promptos prompts lock\`` : `${path}: ${result}`);
  if (result === 'stale') context.exit(1);
}

const MARKER = '# promptos: lint staged prompt packs';

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * The text of the pre-commit hook: it lints, as they are staged, the packs of which something is staged.
 * @param program the promptos to call when the repository has none of its own; null to look on PATH only
 */
export const preCommitHook = (program: string | null): string => `#!/bin/sh
${MARKER}
# Written by \`promptos hooks install\`; remove the file to be rid of it.
set -u
program=${program === null ? "''" : shellQuoted(program)}
status=0
packs=$(git -c core.quotePath=false ls-files -- 'prompts.index.json' '*/prompts.index.json') || exit 1
[ -n "$packs" ] || exit 0
staged=$(mktemp -d) || exit 1
trap 'rm -rf "$staged"' EXIT
trap 'exit 1' HUP INT TERM
lint() {
  if [ -x node_modules/.bin/promptos ]; then set -- "$PWD/node_modules/.bin/promptos" "$1"
  elif [ -n "$program" ] && [ -x "$program" ]; then set -- "$program" "$1"
  elif command -v promptos >/dev/null 2>&1; then set -- promptos "$1"
  else
    echo 'promptos: not found, so the staged prompt pack cannot be checked; install it, or commit with --no-verify' >&2
    return 1
  fi
  ( cd "$staged" && "$1" lint "$2" )
}
while IFS= read -r index; do
  pack=$(dirname -- "$index")
  git --literal-pathspecs diff --cached --quiet -- "$pack" && continue
  git --literal-pathspecs ls-files -z -- "$pack" | git checkout-index -z --stdin --force --prefix="$staged/" || exit 1
  lint "$pack" || status=1
done <<PACKS
$packs
PACKS
exit "$status"
`;

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
    return text.split('\n').includes(MARKER) ? { text, mode: stats.mode } : 'foreign';
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

export async function installHook(context: CommandContext): Promise<void> {
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
  const result = current ? 'current' : present.text === null ? 'installed' : 'renewed';
  const output = context.output();
  if (output.json) output.emit({ path: shown, result });
  else output.say(`${shown}: ${result}`);
}
