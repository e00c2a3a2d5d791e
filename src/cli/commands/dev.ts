import { Command, Option } from 'commander';
import { GATE_IDS, runWorkflowId } from '../../contracts/names.js';
import type { CommandContext } from '../context.js';
import type { RunOptions } from '../prepare-run.js';

interface DevOptions extends Omit<RunOptions, 'targetRepo' | 'promptPack' | 'runId'> {
  readonly targetRepo?: string;
  readonly promptPack?: string;
  readonly runId?: string;
  readonly key?: string;
  readonly decideAs?: string;
  readonly as?: string;
  readonly worker?: true;
  readonly detach?: true;
}

const EXAMPLES = `
Examples:
  promptos dev --developer ada --notes "Round totals half to even"
  promptos dev --developer ada --target-repo ../shop --request request.yaml --base main
  promptos dev --prompts "P00,P01,P03,P05,P06,P07" --developer ada --target-repo ../shop --notes "…" --detach

Without TEMPORAL_* or a temporal.toml the embedded Temporal server is used; it goes on running, so that a second
terminal can approve. Ends with 0 when the run was approved, 1 when it ended otherwise.`;

/** `promptos dev`: starts a governed run and stays until it has ended. */
export function devCommand(context: CommandContext): Command {
  return new Command('dev')
    .description('start a governed run on a repository, and follow it')
    .option('--prompts <gates>', 'the gates to run, in order', GATE_IDS.join(','))
    .requiredOption('--developer <name>', 'who starts the run')
    .option('--target-repo <path-or-name>', 'the repository to work on (default: the one around this folder)')
    .option('--notes <text>', 'what is to be done; with --request, notes for the record')
    .option('--request <file>', 'a run request in YAML or JSON')
    .option('--base <revision>', 'the commit to start from (default: HEAD)')
    .option('--policy <file>', 'the policy (default: .promptos/policy.yaml of the repository)')
    .option('--worker-config <file>', 'the worker config (default: .promptos/worker.yaml of the repository)')
    .option('--prompt-pack <dir>', 'the prompt pack (default: the one that comes with promptos)')
    .option('--run-id <id>', 'the run id (default: made from the time and the title)')
    .option('--key <file>', 'the key to sign with (default: the key file of the name, else ssh-agent)')
    .option('--as <name>', 'ask on this terminal at each gate, as this integrator')
    .addOption(new Option('--decide-as <name>', 'decide without asking, as this integrator').conflicts('as'))
    .option('--worker', 'start a worker here although TEMPORAL_* name a server')
    .addOption(
      new Option('--detach', 'leave the work to a background process and return').conflicts(['as', 'decideAs']),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: DevOptions) => {
      const { prepareRun } = await import('../prepare-run.js');
      const prepared = await prepareRun(context, { ...options, targetRepo: options.targetRepo ?? context.cwd });
      // Only now: it loads the whole of Temporal, which nobody waits for who mistyped a gate.
      const { startAndFollow, startDetached } = await import('../start-run.js');
      const output = context.output();
      output.emit({
        event: 'prepared',
        run_id: prepared.start.runId,
        workflow_id: runWorkflowId(prepared.start.runId),
      });
      const workers = {
        ...(options.key === undefined ? {} : { key: options.key }),
        worker: options.worker === true,
      };
      if (options.detach === true) return startDetached(context, prepared, workers);
      await startAndFollow(context, prepared, {
        ...(options.decideAs === undefined ? {} : { decideAs: options.decideAs }),
        ...(options.as === undefined ? {} : { askAs: options.as }),
        ...workers,
      });
    });
}
