import { Command, Option } from 'commander';
import { GATE_IDS, RESOLUTION_CHOICES } from '../../contracts/names.js';
import type { ResolutionOptions } from '../answer-resolution.js';
import type { CommandContext } from '../context.js';
import { WAITING_RUN_ARGUMENT } from '../global-options.js';
import { addAnswerOptions } from './approve.js';

const RESOLVE_EXAMPLES = `
Examples:
  promptos resolve latest                    shows the escalation, and asks
  promptos resolve 20260102-fix-sum E1 --choose retry --guidance "The first people pay" --as grace
  promptos resolve 20260102-fix-sum E2 --choose rework --to P03 --as grace

continue  goes on with what there is; findings that the policy calls waivable are waived, with the reason in --guidance, and
          the gate still needs its approval. Possible secrets (rule secret_candidates) are waived by --waive alone.
          With --expires the waiver counts until then: later the gate cannot be approved, and the change not applied
retry     carries the same gate out again, with the guidance
rework    goes back to an earlier gate
abort     ends the run

In a terminal it shows the escalation and asks, unless --yes is given. Without one, as in a script, the line names who
resolves it and the escalation, or says --yes.

Exits with 1 when the resolution was refused, with 0 when it counted or waits for a worker.`;

/** `promptos resolve`: an integrator's answer to an escalation. */
export function resolveCommand(context: CommandContext): Command {
  const command = new Command('resolve')
    .description('answer an open escalation of a run; in a terminal it shows it and asks')
    .argument('<run>', WAITING_RUN_ARGUMENT)
    .argument('[escalation]', 'its id, such as E1 (default: the one that is open)')
    .addOption(new Option('--choose <choice>', 'how the run goes on').choices(RESOLUTION_CHOICES))
    .addOption(new Option('--to <gate>', 'with rework: the gate to go back to').choices(GATE_IDS))
    .option('--guidance <text>', 'guidance for the next attempt; where continue waives findings, the reason')
    .option('--waive <fingerprint...>', 'with continue: possible secrets that are none, by fingerprint')
    .option('--expires <when>', 'with continue: until when the waiver counts, such as 30d or 2026-12-31')
    .option('--as <name>', 'who resolves it: an integrator of the policy')
    .option('--report <sha256>', 'the digest of the report that is answered')
    .addHelpText('after', RESOLVE_EXAMPLES);
  return addAnswerOptions(command, 'E1.1').action(
    async (run: string, escalation: string | undefined, given: Omit<ResolutionOptions, 'escalation'>) => {
      const [{ answer }, { resolutionAnswer }] = await Promise.all([
        import('../answer.js'),
        import('../answer-resolution.js'),
      ]);
      const options = { ...given, ...(escalation === undefined ? {} : { escalation }) };
      await answer(context, run, options, resolutionAnswer(options));
    },
  );
}
