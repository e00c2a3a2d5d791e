import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { PromptOsError } from '../../contracts/errors.js';
import { GATE_IDS, runWorkflowId } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';
import type { PreparedRun, RunOptions } from './prepare-run.js';

interface DevOptions extends Omit<RunOptions, 'developer' | 'targetRepo' | 'promptPack' | 'runId'> {
  readonly developer?: string;
  readonly targetRepo?: string;
  readonly promptPack?: string;
  readonly runId?: string;
  readonly key?: string;
  readonly decideAs?: string;
  readonly as?: string;
  readonly worker?: true;
  readonly detach?: true;
  readonly resume?: string | true;
  readonly new?: true;
}

const EXAMPLES = `
Examples:
  promptos dev --developer ada --notes "Round totals half to even"
  promptos dev --developer ada --target-repo ../shop --request request.yaml --base main
  promptos dev --prompts "P00,P01,P03,P05,P06,P07" --developer ada --target-repo ../shop --notes "…" --detach
  promptos dev --resume

Without TEMPORAL_* or a temporal.toml the embedded Temporal server is used; it goes on running, so that a second
terminal can approve. A run does not end with the command. Where one with the same request is open, dev asks whether to
carry on with it; without a terminal it starts nothing (RUN_OPEN) unless --resume, --new or --run-id says what is meant.
--resume alone takes the open run of this repository, of the request given if one is. Ends with 0 when the run was approved, 1 when it ended otherwise.`;

/** `promptos dev`: starts a governed run and stays until it has ended. */
export function devCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('dev')
    .option('--prompts <gates>', 'the gates to run, in order', GATE_IDS.join(','))
    .option('--developer <name>', 'who starts the run; needed unless --resume carries on with one')
    .option('--target-repo <path-or-name>', 'the repository to work on (default: the one around this folder)')
    .option('--notes <text>', 'what is to be done; with --request, notes for the record')
    .option('--request <file>', 'a run request in YAML or JSON')
    .option('--base <revision>', 'the commit to start from (default: HEAD)')
    .option('--policy <file>', 'the policy (default: .promptos/policy.yaml of the repository)')
    .option('--worker-config <file>', 'the worker config (default: .promptos/worker.yaml of the repository)')
    .option('--prompt-pack <dir>', 'the prompt pack (default: the one that comes with promptos)')
    .option('--run-id <id>', 'the run id (default: made from the time and the title)')
    .addOption(
      new Option(
        '--resume [run]',
        'carry on with a run that has not ended: its id, the beginning of its id, or "latest"',
      ),
    )
    .addOption(new Option('--new', 'start another run although one with the same request is open').conflicts('resume'))
    .option('--key <file>', 'the key to sign with (default: the key file of the name, else ssh-agent)')
    .option('--as <name>', 'ask on this terminal at each gate, as this integrator')
    .addOption(new Option('--decide-as <name>', 'decide without asking, as this integrator').conflicts('as'))
    .option('--worker', 'start a worker here although TEMPORAL_* name a server')
    .addOption(
      new Option('--detach', 'leave the work to a background process and return').conflicts(['as', 'decideAs']),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options) => {
      const { targetRepo = context.cwd } = options;
      const choices = {
        ...(options.key === undefined ? {} : { key: options.key }),
        ...(options.decideAs === undefined ? {} : { decideAs: options.decideAs }),
        ...(options.as === undefined ? {} : { askAs: options.as }),
        worker: options.worker === true,
        // A name for the new run asks for a new one.
        forceNew: options.new === true || options.runId !== undefined,
      };
      const resume = options.resume === undefined ? null : { run: options.resume };
      // A request that is given with --resume says which run is meant, so it is read as for a start.
      const typed = options.notes !== undefined || options.request !== undefined;
      const prepared = resume === null || typed ? await prepare(context, { ...options, targetRepo }) : null;
      // Only now: it loads the whole of Temporal, and a mistyped gate should be reported at once.
      const { resumeAndFollow, resumeDetached, startAndFollow, startDetached } = await import('./start-run.js');
      if (resume !== null) {
        const { resumePlace, selectResumed } = await import('./open-runs.js');
        const place = prepared ?? (await resumePlace(context, { ...options, targetRepo }));
        const select = selectResumed(resume.run, prepared?.start.request ?? null);
        await (options.detach === true ? resumeDetached : resumeAndFollow)(context, place, select, choices);
      } else if (prepared !== null) {
        const { runId } = prepared.start;
        context.output().emit({ event: 'prepared', run_id: runId, workflow_id: runWorkflowId(runId) });
        await (options.detach === true ? startDetached : startAndFollow)(context, prepared, choices);
      }
    });
}

async function prepare(
  context: CommandContext,
  options: DevOptions & { readonly targetRepo: string },
): Promise<PreparedRun> {
  const { developer } = options;
  if (developer === undefined) {
    throw new PromptOsError(
      'USAGE',
      "The option '--developer <name>' is missing: expected the name of the person who starts the run.",
      {
        hint: 'Give --developer NAME, or --resume without --notes and --request.',
      },
    );
  }
  const { prepareRun } = await import('./prepare-run.js');
  return prepareRun(context, { ...options, developer });
}
