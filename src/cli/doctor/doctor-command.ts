import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';
import type { TemporalProbes } from './probe.js';

/**
 * `promptos doctor`: everything that must be right for runs to work, each with the next step.
 * @param probes what is asked of Temporal; the real thing unless a test says otherwise
 */
export function doctorCommand(context: CommandContext, probes?: TemporalProbes): CommandUnknownOpts {
  return new Command('doctor')
    .option('--prompt-pack <dir>', 'the prompt pack that runs would use (default: the built-in one)')
    .option(
      '--executor <name>',
      'try this executor of the worker config instead; it may call a model up to three times',
    )
    .option('--json', 'print one JSON object instead')
    .addHelpText(
      'after',
      '\nExits with 1 when something fails.\n\nExamples:\n  promptos doctor\n  promptos doctor --executor claude-writer\n',
    )
    .action(async (options) =>
      options.executor === undefined
        ? (await import('./diagnose.js')).diagnose(context, options, probes)
        : (await import('./diagnose-executor.js')).diagnoseExecutor(context, options.executor),
    );
}
