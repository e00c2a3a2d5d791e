import { Argument, Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { completedCommands } from '../completion/command-tree.js';
import { fishCompletion } from '../completion/fish.js';
import { zshCompletion } from '../completion/zsh.js';
import type { CommandContext } from '../context.js';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
type Shell = keyof typeof SCRIPTS;

const EXAMPLES = `
Examples:
  source <(promptos completion bash)                        bash: in ~/.bashrc
  promptos completion zsh > "\${fpath[1]}/_promptos"         zsh
  promptos completion fish > ~/.config/fish/completions/promptos.fish`;

/**
 * `promptos completion SHELL`: a script by which a shell completes commands and options.
 * @param program the whole command line, once it is made
 */
export function completionCommand(context: CommandContext, program: () => Command): Command {
  return new Command('completion')
    .description('print a script by which bash, zsh or fish completes commands and options')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => {
      const root = program();
      const script = SCRIPTS[shell](root.name(), completedCommands(root));
      const output = context.output();
      if (output.json) output.emit({ shell, script });
      else output.say(script.trimEnd());
    });
}
