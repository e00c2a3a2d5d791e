import { isAbsolute, join, relative, resolve } from 'node:path';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { replaceFile } from '../../adapters/platform/durable-files.js';
import { builtInPackDir, readPackFolder, readPromptPack } from '../../config/prompt-pack.js';
import { PromptOsError } from '../../contracts/errors.js';
import { PROMPT_IDS } from '../../contracts/names.js';
import { counted } from '../../contracts/sentences.js';
import { lintPack } from '../../prompt-pack/lint.js';
import type { LintFinding } from '../../prompt-pack/lint-text.js';
import { loadPack, requirePromptIndex } from '../../prompt-pack/load.js';
import { formatPromptLock, makePromptLock } from '../../prompt-pack/lock.js';
import { LOCK_PATH, packFile } from '../../prompt-pack/pack-files.js';
import type { CommandContext } from '../app/context.js';

const EXAMPLES = `
Examples:
  promptos lint                    the prompt pack that comes with promptos
  promptos lint ./my-prompts       the pack in ./my-prompts
  promptos lint . --json | jq .findings

Prints one line a finding, as "file:line severity code message". Ends with 0 when nothing is an error, 1 otherwise.

A text that must stay, such as a sample token, can be allowed in the front matter of its prompt, with a reason. It is
then a warning that shows the reason:
  lint_allow:
    - code: SECRET                 or ABSOLUTE_PATH
      text: "the text as the prompt has it"
      reason: "the provider's documentation has this sample"`;

/** A path that an editor or a terminal can open: relative where the file is below the current folder. */
export function pathFrom(cwd: string, path: string): string {
  const shown = relative(cwd, path);
  return shown.startsWith('..') || isAbsolute(shown) ? path : shown;
}

const count = (findings: readonly LintFinding[], severity: LintFinding['severity']): string => {
  const number = findings.filter((finding) => finding.severity === severity).length;
  return counted(number, severity);
};

/** `promptos lint [DIR]`: everything wrong with a prompt pack. */
export function lintCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('lint')
    .description('check a prompt pack: front matter, index, lock, secrets, paths')
    .argument('[dir]', 'the folder that holds prompts.index.json (default: the pack that comes with promptos)')
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', EXAMPLES)
    .action(async (directory) => {
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
    });
}

interface PackOptions {
  readonly promptPack?: string;
}

const packFolderOf = (context: CommandContext, { promptPack }: PackOptions): string =>
  promptPack === undefined ? builtInPackDir() : resolve(context.cwd, promptPack);

const packCommand = (name: string, description: string) =>
  new Command(name)
    .description(description)
    .option('--prompt-pack <dir>', 'the folder that holds prompts.index.json (default: the pack of promptos)')
    .option('--json', 'print one JSON object instead');

async function list(context: CommandContext, options: PackOptions): Promise<void> {
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

async function show(context: CommandContext, given: string, options: PackOptions): Promise<void> {
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
    const why = error instanceof Error ? error.message : String(error);
    throw new PromptOsError('FILE_NOT_READABLE', `The lock could not be written: ${why}.`, { cause: error });
  }
}

async function lock(context: CommandContext, options: PackOptions & { readonly check?: true }): Promise<void> {
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

/** `promptos prompts list|show|lock`: looks into a prompt pack and pins its bytes. */
export function promptsCommand(context: CommandContext): CommandUnknownOpts {
  const listCommand = packCommand('list', "print the pack's version and digest, and each prompt's version and sha256")
    .addHelpText('after', '\nExample:\n  promptos prompts list --prompt-pack ./my-prompts')
    .action((options) => list(context, options));
  const showCommand = packCommand('show', 'print one prompt as it is')
    .argument('<id>', `one of ${PROMPT_IDS.join(', ')}`)
    .addHelpText('after', '\nExample:\n  promptos prompts show P03')
    .action((id, options) => show(context, id, options));
  const lockCommand = packCommand('lock', 'write prompts.lock.json for the files as they are')
    .option('--check', 'write nothing; end with 1 when the lock is not current')
    .addHelpText('after', '\nExample:\n  promptos prompts lock --prompt-pack ./my-prompts --check')
    .action((options) => lock(context, options));
  return new Command('prompts')
    .description('list, show and lock the prompts of a pack')
    .addHelpText('after', '\nExample:\n  promptos prompts list')
    .addCommand(listCommand)
    .addCommand(showCommand)
    .addCommand(lockCommand);
}
