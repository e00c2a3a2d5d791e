import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';
import { bashCompletion } from './bash.js';
import { completedCommands } from './command-tree.js';
import { fishCompletion } from './fish.js';
import { WORD_KINDS } from './word-kinds.js';
import { zshCompletion } from './zsh.js';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

const EXAMPLES = `
Examples:
  source <(promptos completion bash)                        bash: in ~/.bashrc
  promptos completion zsh > "\${fpath[1]}/_promptos"         zsh
  promptos completion fish > ~/.config/fish/completions/promptos.fish

Commands, options, gates, run ids (the newest first), escalations and names of the policy are completed. Runs and names come
from the files of the repository around; no server or bucket is asked.`;

/**
 * `promptos completion SHELL`: a script by which a shell completes lines.
 * @param program the whole command line
 */
export function completionCommand(
  context: CommandContext,
  program: () => Promise<CommandUnknownOpts>,
): CommandUnknownOpts {
  return new Command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .addCommand(wordsCommand(context), { hidden: true })
    .action(async (shell) => {
      const root = await program();
      const script = SCRIPTS[shell](root.name(), completedCommands(root));
      const output = context.output();
      if (output.json) output.emit({ shell, script });
      else output.say(script.trimEnd());
    });
}

/** What the scripts ask for while a line is typed. It prints words and nothing else, and never fails. */
const wordsCommand = (context: CommandContext): CommandUnknownOpts =>
  new Command('words')
    .description('print the words that may complete a line: for the scripts')
    .addArgument(new Argument('<kind>', 'what is completed').choices(WORD_KINDS))
    .argument('[line...]', 'the words of the line, behind --')
    .addHelpText('after', '\nExample:\n  promptos completion words runs -- approve')
    .action(async (kind, line) => {
      const { knownWords } = await import('./known-words.js');
      for (const word of await knownWords(context, kind, line)) {
        context.output().say(word);
        context.output().emit({ word });
      }
    });
