import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { PROMPT_IDS } from '../../contracts/names.js';
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

export function lintCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('lint')
    .argument('[dir]', 'the folder that holds prompts.index.json (default: the pack that comes with promptos)')
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', EXAMPLES)
    .action(async (directory) => (await import('./packs.js')).lintFolder(context, directory));
}

const packCommand = (name: string, description: string) =>
  new Command(name)
    .description(description)
    .option('--prompt-pack <dir>', 'the folder that holds prompts.index.json (default: the pack of promptos)')
    .option('--json', 'print one JSON object instead');

export function promptsCommand(context: CommandContext): CommandUnknownOpts {
  const listCommand = packCommand('list', "print the pack's version and digest, and each prompt's version and sha256")
    .addHelpText('after', '\nExample:\n  promptos prompts list --prompt-pack ./my-prompts')
    .action(async (options) => (await import('./packs.js')).listPrompts(context, options));
  const showCommand = packCommand('show', 'print one prompt as it is')
    .argument('<id>', `one of ${PROMPT_IDS.join(', ')}`)
    .addHelpText('after', '\nExample:\n  promptos prompts show P03')
    .action(async (id, options) => (await import('./packs.js')).showPrompt(context, id, options));
  const lockCommand = packCommand('lock', 'write prompts.lock.json for the files as they are')
    .option('--check', 'write nothing; end with 1 when the lock is not current')
    .addHelpText('after', '\nExample:\n  promptos prompts lock --prompt-pack ./my-prompts --check')
    .action(async (options) => (await import('./packs.js')).lockPack(context, options));
  return new Command('prompts')
    .addHelpText('after', '\nExample:\n  promptos prompts list')
    .addCommand(listCommand)
    .addCommand(showCommand)
    .addCommand(lockCommand);
}

export function hooksCommand(context: CommandContext): CommandUnknownOpts {
  const installCommand = new Command('install')
    .description('add a pre-commit hook that lints the prompt packs of which something is staged')
    .option('--json', 'print one JSON object instead')
    .addHelpText(
      'after',
      '\nExample:\n  promptos hooks install\n\nHonours core.hooksPath. A hook that is not ours is left alone; call `promptos lint DIR` from it.',
    )
    .action(async () => (await import('./packs.js')).installHook(context));
  return new Command('hooks').addHelpText('after', '\nExample:\n  promptos hooks install').addCommand(installCommand);
}
