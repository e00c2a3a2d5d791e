import { isAbsolute, join, relative, resolve } from 'node:path';
import { replaceFile } from '../../adapters/platform/durable-files.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { readPackFolder, readPromptPack } from '../../config/prompt-pack.js';
import { messageOf, PromptOsError, writeFailure } from '../../contracts/errors.js';
import { PROMPT_IDS } from '../../contracts/names.js';
import { counted } from '../../contracts/sentences.js';
import { lintPack } from '../../prompt-pack/lint.js';
import type { LintFinding } from '../../prompt-pack/lint-text.js';
import { loadPack, requirePromptIndex } from '../../prompt-pack/load.js';
import { formatPromptLock, LOCK_PATH, makePromptLock, packFile } from '../../prompt-pack/pack-digest.js';
import { type CommandContext, programOf } from '../app/context.js';
import { shellWord } from '../app/printable.js';

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
    throw writeFailure(`The lock could not be written: ${why}.`, error);
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
  // Without the folder the line would lock the pack that comes with promptos.
  const { promptPack } = options;
  const line = `${programOf(context)} prompts lock${promptPack === undefined ? '' : ` --prompt-pack ${shellWord(promptPack)}`}`;
  if (output.json) output.emit({ path, result });
  else output.say(result === 'stale' ? `${path} is stale: run \`${line}\`` : `${path}: ${result}`);
  if (result === 'stale') context.exit(1);
}
