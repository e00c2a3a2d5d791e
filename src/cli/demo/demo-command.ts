import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';

/** Who decides in the demonstration. */
const INTEGRATOR = 'grace';

const EXAMPLES = `
Examples:
  promptos demo                       asks you at each gate, as the integrator ${INTEGRATOR}
  promptos demo --decide-as ${INTEGRATOR}    decides by itself and says so
  promptos demo --json | tail -n 1

Makes a small git repository with a failing test and runs its repair under governance: a question at the design gate, a
first patch that fails the test, a second that passes. The agents are three small programs; no model is needed. All that
they and people do is signed, with throwaway keys; at the end the record is verified and traced. Ctrl-C, and typing it
again, carries on with the same run.`;

export function demoCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('demo')
    .option('--directory <dir>', 'where the small repository is made', 'promptos-demo')
    .option('--decide-as <name>', `decide without asking, as this integrator (without a terminal: ${INTEGRATOR})`)
    .addHelpText('after', EXAMPLES)
    .action(async (options) =>
      (await import('./run-demo.js')).runDemo(context, { ...options, integrator: INTEGRATOR }),
    );
}
