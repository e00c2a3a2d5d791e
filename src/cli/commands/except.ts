import { Command } from 'commander';
import type { ExceptOptions } from '../audit/sign-exception.js';
import type { CommandContext } from '../context.js';
import type { DecisionQuestions } from '../terminal-questions.js';
import { terminalQuestions } from '../terminal-questions.js';

const HELP = `
Writes .promptos/exceptions/COMMIT.json for you to commit. It counts for promptos ungoverned --policy FILE while it has not
expired, with the signature of an integrator of that policy. In a terminal it shows the commit and asks.

Examples:
  $ promptos except --setup --as grace --reason "Introduces the policy" --expires 365d
  $ promptos except 3f9c2d1 --as grace --reason "Hotfix of incident 42" --expires 30d`;

/** `promptos except`: an integrator's signed word that a commit may be in a branch without a run. */
export function exceptCommand(
  context: CommandContext,
  questions: Pick<DecisionQuestions, 'confirm'> = terminalQuestions,
): Command {
  return new Command('except')
    .description('sign that a commit is an exception which no run has to cover')
    .argument('[commit]', 'the commit; left out with --setup')
    .option('--setup', 'the commit that introduced .promptos/policy.yaml')
    .requiredOption('--as <name>', 'who signs: an integrator of the policy')
    .requiredOption('--reason <text>', 'why no run has to cover it')
    .requiredOption('--expires <duration>', 'how long it counts, such as 90d; the commit is listed again afterwards')
    .option('--policy <file>', 'the policy that lists the integrator (default: that of the repository)')
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .option('--force', 'replace an exception of the commit, as to renew it')
    .option('--yes', 'sign without asking')
    .addHelpText('after', HELP)
    .action(async (commit: string | undefined, options: ExceptOptions) => {
      const { signException } = await import('../audit/sign-exception.js');
      await signException(context, commit, options, questions);
    });
}
