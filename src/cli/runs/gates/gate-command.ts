import { Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { GATE_IDS } from '../../../contracts/names.js';
import type { CommandContext } from '../../app/context.js';
import { RUN_ARGUMENT } from '../../app/options.js';

const gateOption = () =>
  new Option('--gate <gate>', 'the gate (default: the one that the run has handed off)').choices(GATE_IDS);

/** Who works, and where. */
const addDeskOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .requiredOption('--as <name>', 'whose gate it is: the principal that the policy gives the role')
    .option(
      '--key <file>',
      'the key to sign with (default: that of --as in the worker config, else its key file, else ssh-agent)',
    )
    .option(
      '--claimant <name>',
      'who of those with that key works on the gate (default: your user name and this machine)',
    )
    .option('--dir <folder>', 'where folders of gates are (default: gates/ in the state folder of the project)');

const NEXT_EXAMPLES = `
Examples:
  promptos gate next latest --as ada
  promptos gate next 20260102-fix-sum --as ada --json

Claims the gate, makes a folder with the prompt, the JSON Schema of the output and a checkout to work in, and prints the
prompt. The same line again gives the same folder, and prolongs the claim. Before P06 it runs the policy's checks.
Exits with 1 when the run has handed off no gate, or another claimant has it.`;

const SUBMIT_EXAMPLES = `
Examples:
  promptos gate submit latest --gate P03 --as ada --output plan.json
  promptos gate submit latest --gate P05 --as ada --output done.json                     the files of the claimed checkout
  promptos gate submit latest --gate P05 --as ada --output done.json --patch fix.patch

Judges the output by the rules of the gate, signs the result and sends it. An output of another shape is shown with what
is wrong, and nothing is sent. So is one that fails by its findings, unless --submit-failing is given.
Exits with 0 when it was submitted, with 1 when it was not.`;

const RELEASE_EXAMPLES = `
Examples:
  promptos gate release latest --as ada
  promptos gate release latest --as ada --claimant ada@old-laptop

Ends a claim, so that another claimant can have the gate. The folder of the gate is removed, unless something was written
in it.`;

/** `promptos gate`: gates whose executor is `kind: handoff`. */
export function gateCommand(context: CommandContext) {
  const next = addDeskOptions(
    new Command('next')
      .description('claim the gate that a run has handed off, and print its prompt')
      .argument('<run>', RUN_ARGUMENT)
      .addOption(gateOption()),
  )
    .addHelpText('after', NEXT_EXAMPLES)
    .action(async (run, options) => (await import('./gate-work.js')).nextGate(context, run, options));
  const submit = addDeskOptions(
    new Command('submit')
      .description('judge, sign and send the output of a gate that was done elsewhere')
      .argument('<run>', RUN_ARGUMENT)
      .addOption(gateOption().makeOptionMandatory())
      .requiredOption('--output <file>', 'the output: JSON of the shape that the prompt shows')
      .option('--patch <file>', 'P05: the change, in place of the files of the claimed checkout')
      .option('--submit-failing', 'submit it although it fails by its findings'),
  )
    .addHelpText('after', SUBMIT_EXAMPLES)
    .action(async (run, options) => (await import('./gate-work.js')).submitOutput(context, run, options));
  const release = addDeskOptions(
    new Command('release')
      .description('end the claim on a gate')
      .argument('<run>', RUN_ARGUMENT)
      .addOption(gateOption()),
  )
    .addHelpText('after', RELEASE_EXAMPLES)
    .action(async (run, options) => (await import('./gate-work.js')).releaseClaim(context, run, options));
  return new Command('gate')
    .addHelpText(
      'after',
      '\nExamples:\n  promptos gate next latest --as ada\n  promptos gate submit latest --gate P03 --as ada --output plan.json',
    )
    .addCommand(next)
    .addCommand(submit)
    .addCommand(release);
}
