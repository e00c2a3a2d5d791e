import { Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { GATE_IDS, RESOLUTION_CHOICES } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';
import { collect, positiveNumber, RUN_ARGUMENT, WAITING_RUN_ARGUMENT } from '../app/options.js';
import type { AskAwaited } from '../runs/show/show-run.js';
import type { DecisionOptions } from './decision.js';

/** `--gate`, for those who want to be sure of what they decide on. */
const gateOption = () =>
  new Option('--gate <gate>', 'the gate (default: the one that awaits a decision)').choices(GATE_IDS);

/** How a signed message leaves. */
const addSendingOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .option(
      '--print',
      'print the signed message instead of sending it: for a signal form, or `temporal workflow signal`',
    );

/** What every answer takes: approve, reject and resolve. */
const addAnswerOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
  request: string,
) =>
  addSendingOptions(
    command
      .option('--decision-id <id>', 'an id of your choice: an answer with an id that has counted is refused')
      .option(
        '--request-id <id>',
        `the request that is answered, such as ${request} (default: the one that is pending)`,
      )
      .option('--policy <sha256>', "the digest of the run's policy (default: as the run says)")
      .option('--yes', 'send it without asking; without a terminal: also without naming what is answered'),
  );

/** What a decision alone is bound to; each is filled from the run where it is not given. */
const addDecisionOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  addAnswerOptions(
    command
      .option('--attempt <n>', 'the attempt that is decided on (default: the pending one)', positiveNumber)
      .option('--output <sha256>', 'the digest of what is decided on (default: as the run says)'),
    'P03.1.1',
  );

async function decide(
  context: CommandContext,
  run: string,
  choice: 'approve' | 'reject',
  options: DecisionOptions,
): Promise<void> {
  const [{ answer }, { decisionAnswer }] = await Promise.all([import('./answer.js'), import('./decision.js')]);
  await answer(context, run, options, decisionAnswer(choice, options));
}

const APPROVE_EXAMPLES = `
Examples:
  promptos approve latest                    shows what is to be decided, and asks
  promptos approve 20260102-fix-sum --gate P03 --as grace
  promptos approve 20260102-fix-sum --gate P07 --as grace --acknowledge review-1 review-2
  promptos approve latest --as grace --yes   asks nothing

In a terminal it shows what is decided and asks, unless --yes is given. Without one, as in a script, the line names who
decides and the gate, or says --yes. With several runs waiting, "latest" lists them and exits with 2.

A gate that the policy asks no approval for ("approvals: { P00: 0, P01: 0 }") goes on by itself, unless it failed or has a
critical or high finding. The first decision of such a run is the one on the first gate with approvals:
  promptos approve latest --gate P03 --as grace

Exits with 1 when the decision was refused, with 0 when it counted or waits for a worker.`;

/** `promptos approve`: an integrator's yes to the output of a gate. */
export const approveCommand = (context: CommandContext) =>
  addDecisionOptions(
    new Command('approve')
      .argument('<run>', WAITING_RUN_ARGUMENT)
      .addOption(gateOption())
      .option('--as <name>', 'who decides: an integrator of the policy')
      .option('--comment <text>', 'a remark for the record')
      .option('--acknowledge <finding...>', 'ids of the critical and high findings that you take on')
      .addHelpText('after', APPROVE_EXAMPLES),
  ).action((run, options) => decide(context, run, 'approve', options));

const REJECT_EXAMPLES = `
Examples:
  promptos reject latest                     shows what is to be decided, and asks
  promptos reject 20260102-fix-sum --gate P06 --as grace --comment "Cents get lost; see the failing test"
  promptos reject 20260102-fix-sum --gate P05 --as grace --comment "Wrong approach" --to P03
  promptos reject 20260102-fix-sum --as grace --comment "Not needed any more" --final --yes

In a terminal it shows what is decided and asks, unless --yes is given. Without one, as in a script, the line names who
decides and the gate, or says --yes. Without --to, Verify and Review go back to the builder, and the other gates try again.
What comes after the gate named is void. Exits with 1 when the decision was refused, with 0 when it counted or waits for a worker.`;

/** `promptos reject`: an integrator's no, with its reason. */
export const rejectCommand = (context: CommandContext) =>
  addDecisionOptions(
    new Command('reject')
      .argument('<run>', WAITING_RUN_ARGUMENT)
      .addOption(gateOption())
      .option('--as <name>', 'who decides: an integrator of the policy')
      .option('--comment <text>', 'the reason: the next attempt gets it to read')
      .addOption(new Option('--to <gate>', 'the gate to go back to').choices(GATE_IDS).conflicts('final'))
      .option('--final', 'end the run as rejected')
      .addHelpText('after', REJECT_EXAMPLES),
  ).action((run, options) => decide(context, run, 'reject', options));

const RESOLVE_EXAMPLES = `
Examples:
  promptos resolve latest                    shows the escalation, and asks
  promptos resolve 20260102-fix-sum E1 --choose retry --guidance "The first people pay" --as grace
  promptos resolve 20260102-fix-sum E2 --choose rework --to P03 --as grace

continue  goes on with what there is; findings that the policy calls waivable are waived, with the reason in --guidance, and
          the gate still needs its approval. So are changes of the clone itself (rule repository_changed) and a branch
          that moved on (rule base_moved). Possible secrets (rule secret_candidates) are waived by --waive alone.
          With --expires the waiver counts until then: later the gate cannot be approved, and the change not applied
retry     carries the same gate out again, with the guidance
rework    goes back to an earlier gate
abort     ends the run

In a terminal it shows the escalation and asks, unless --yes is given. Without one, as in a script, the line names who
resolves it and the escalation, or says --yes.

Exits with 1 when the resolution was refused, with 0 when it counted or waits for a worker.`;

/** `promptos resolve`: an integrator's answer to an escalation. */
export const resolveCommand = (context: CommandContext) =>
  addAnswerOptions(
    new Command('resolve')
      .argument('<run>', WAITING_RUN_ARGUMENT)
      .argument('[escalation]', 'its id, such as E1 (default: the one that is open)')
      .addOption(new Option('--choose <choice>', 'how the run goes on').choices(RESOLUTION_CHOICES))
      .addOption(new Option('--to <gate>', 'with rework: the gate to go back to').choices(GATE_IDS))
      .option('--guidance <text>', 'guidance for the next attempt; where continue waives findings, the reason')
      .option('--waive <fingerprint...>', 'with continue: possible secrets that are none, by fingerprint')
      .option('--expires <when>', 'with continue: until when the waiver counts, such as 30d or 2026-12-31')
      .option('--as <name>', 'who resolves it: an integrator of the policy')
      .option('--report <sha256>', 'the digest of the report that is answered (default: as the run says)')
      .addHelpText('after', RESOLVE_EXAMPLES),
    'E1.1',
  ).action(async (run, escalation, given) => {
    const [{ answer }, { resolutionAnswer }] = await Promise.all([import('./answer.js'), import('./resolution.js')]);
    const options = { ...given, ...(escalation === undefined ? {} : { escalation }) };
    await answer(context, run, options, resolutionAnswer(options));
  });

const ESCALATE_EXAMPLES = `
Example:
  promptos escalate latest --issue "The request contradicts ADR 7" --option "Change the request" --option "Change the ADR" --as ada

With --as the escalation is signed. Any principal may escalate. Where the policy asks for signatures, one without --as is
a hold: it stops the run as well, and its sender is a claim. Nothing new starts until an integrator has resolved it:
promptos resolve RUN.`;

/** `promptos escalate`: a person stops a run until an integrator decides how it goes on. */
export const escalateCommand = (context: CommandContext) =>
  addSendingOptions(
    new Command('escalate')
      .argument('<run>', RUN_ARGUMENT)
      .requiredOption('--issue <text>', 'what is wrong')
      .option('--impact <text>', 'what happens without a decision')
      .option('--context <text>', 'what a decider must know')
      .option('--recommendation <text>', 'what you would do, and why')
      .option('--option <text>', 'what could be done; may be given several times', collect)
      .option('--security-sensitive', 'it is a matter of security')
      .option('--as <name>', 'who escalates')
      .addHelpText('after', ESCALATE_EXAMPLES),
  ).action(async (run, options) => {
    const { escalateRun } = await import('../runs/messages/escalate-run.js');
    await escalateRun(context, run, options);
  });

const CANCELLED_RUN_ARGUMENT =
  'the run: its id, the beginning of its id, or "latest", the only open one of this repository';

const CANCEL_EXAMPLES = `
Examples:
  promptos run cancel latest                 shows the run, and asks who cancels it and why
  promptos run cancel 20260102-fix-sum --as ada --reason "Started from the wrong branch" --yes

Without a terminal, as in a script, the line says who cancels, why, and --yes. Without a worker the signed message waits
in the run's history. Exits with 1 when the cancellation was refused, with 0 when it counted or waits for a worker.
A cancellation by Temporal's own means ends the run too; the record then says that it is not signed.`;

/** `promptos run cancel`: ends a run, signed by a principal who may. */
export const cancelCommand = (context: CommandContext) =>
  addSendingOptions(
    new Command('cancel')
      .description('end a run as cancelled; in a terminal it shows the run and asks; the record is published')
      .argument('<run>', CANCELLED_RUN_ARGUMENT)
      .option('--as <name>', 'who cancels: the developer who started the run, an integrator, or whom the policy names')
      .option('--reason <text>', 'why; the record shows it')
      .option('--yes', 'send it without asking')
      .addHelpText('after', CANCEL_EXAMPLES),
  ).action(async (run, options) => {
    const { cancelRun } = await import('./decision.js');
    await cancelRun(context, run, options);
  });

/** For `run watch --as`: loads the questions only when there is something to ask. */
export const askOnTerminal: AskAwaited = async (asked, awaited) => {
  const { askAwaited } = await import('./answer-awaited.js');
  await askAwaited(asked, awaited);
};
