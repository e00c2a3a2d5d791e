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

const HOOK_HELP = `
Examples:
  promptos hooks install
  promptos hooks install --job job.json --plan plan.json

With --job each commit is judged by the rules on patches, as \`promptos check --staged\` does. Paths are kept in
the repository's own git config (promptos.job, promptos.plan); \`git config --unset promptos.job\` ends it.
To commit what the hook refuses: git commit --no-verify. Continuous integration judges the branch by the same rules.

Honours core.hooksPath. A hook that is not ours is left alone; call \`promptos lint DIR\` and
\`promptos check --staged --job FILE\` from it.`;

export function hooksCommand(context: CommandContext): CommandUnknownOpts {
  const installCommand = new Command('install')
    .description('add a pre-commit hook that lints staged prompt packs, and judges what is staged by a job')
    .option(
      '--job <file>',
      'what commits are held to: a job.json, or the folder of a run that was exported with --tree',
    )
    .option('--plan <file>', 'a plan.json: commits must keep to its files')
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', HOOK_HELP)
    .action(async (options) => (await import('./hooks.js')).installHook(context, options));
  return new Command('hooks').addHelpText('after', '\nExample:\n  promptos hooks install').addCommand(installCommand);
}
