import { Command, type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { PromptOsError } from '../../contracts/errors.js';
import { AGENTS, GATE_IDS, runWorkflowId } from '../../contracts/names.js';
import { suggestName } from '../../contracts/sentences.js';
import type { CommandContext } from '../app/context.js';
import type { ChosenAgent } from './first-agent.js';
import type { InitQuestions } from './first-people.js';
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

const DEV_EXAMPLES = `
Examples:
  promptos dev --notes "Round totals half to even"
  promptos dev --developer ada --notes "Round totals half to even"
  promptos dev --developer ada --target-repo ../shop --request request.yaml --base main
  promptos dev --prompts "P00,P01,P03,P05,P06,P07" --developer ada --target-repo ../shop --notes "…" --detach
  promptos dev --resume

Without TEMPORAL_* or a temporal.toml the embedded Temporal server is used; it goes on running, so that a second
terminal can approve. A run does not end with the command. Where one with the same request is open, dev asks whether to
carry on with it; without a terminal it starts nothing (RUN_OPEN) unless --resume, --new or --run-id says what is meant.
--resume alone takes the open run of this repository; with --notes or --request, the one of that request. Ends with 0 when the
run was approved, 1 when it ended otherwise.`;

export function devCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('dev')
    .option('--prompts <gates>', 'the gates to run, in order', GATE_IDS.join(','))
    .option('--developer <name>', 'who starts the run (default: the name that git knows, if the policy has it)')
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
    .addHelpText('after', DEV_EXAMPLES)
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
      // Who decides on an open run, its own policy says.
      const { as: _, decideAs: __, ...unfollowed } = options;
      const asked = { ...(resume === null ? options : unfollowed), targetRepo };
      const prepared = resume === null || typed ? await prepare(context, asked) : null;
      // Only now: it loads the whole of Temporal, and a mistyped gate should be reported at once.
      const { runAndFollow, runDetached } = await import('./start-run.js');
      const act = options.detach === true ? runDetached : runAndFollow;
      if (resume !== null) {
        const { resumePlace, selectResumed } = await import('./open-runs.js');
        const place = prepared ?? (await resumePlace(context, { ...options, targetRepo }));
        const select = selectResumed(resume.run, prepared?.start.request ?? null);
        await act(context, { place, select }, choices);
      } else if (prepared !== null) {
        const { runId } = prepared.start;
        context.output().emit({ event: 'prepared', run_id: runId, workflow_id: runWorkflowId(runId) });
        await act(context, { place: prepared, select: null }, choices);
      }
    });
}

async function prepare(
  context: CommandContext,
  options: DevOptions & { readonly targetRepo: string },
): Promise<PreparedRun> {
  const { findDeveloper, prepareRun } = await import('./prepare-run.js');
  const developer = options.developer ?? (await findDeveloper(context, options));
  if (developer === null) {
    const missing = "The option '--developer <name>' is missing: expected the name of the person who starts the run.";
    throw new PromptOsError('USAGE', missing, {
      hint: 'Give --developer NAME, or --resume without --notes and --request.',
    });
  }
  return prepareRun(context, { ...options, developer });
}

const ACP = 'acp:';
const MODEL = 'model:';

function chosenAgent(text: string): ChosenAgent {
  if (text.startsWith(MODEL)) return { kind: 'model', named: text.slice(MODEL.length) };
  if (text.startsWith(ACP)) return { kind: 'acp', argv: commandWords(text.slice(ACP.length)) };
  const found = AGENTS.find((name) => name === text);
  if (found !== undefined) return { kind: 'preset', agent: found };
  throw new InvalidArgumentError(
    `expected one of ${AGENTS.join(', ')}, acp:COMMAND, or model:PROVIDER/MODEL.${suggestName(text, AGENTS)}`,
  );
}

function commandWords(command: string): readonly string[] {
  const words = command.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0)
    throw new InvalidArgumentError('expected a command after "acp:", such as "acp:gemini --acp".');
  if (!/["'\\]/.test(command)) return words;
  throw new InvalidArgumentError('expected words without quotes: write such a command into worker.yaml as a list.');
}

const INIT_EXAMPLES = `
Examples:
  $ promptos init --agent claude
  $ promptos init --agent "acp:gemini --acp"
  $ promptos init --agent model:anthropic/claude-sonnet-4-5
  $ promptos init --agent model:qwen3-coder@http://127.0.0.1:8080/v1
  $ promptos init --alone
  $ promptos init --not-alone --developer ada --integrator grace --integrator-key "ssh-ed25519 AAAA…"
  $ promptos init --share-with developers
`;

export function initCommand(context: CommandContext, questions?: InitQuestions): CommandUnknownOpts {
  return new Command('init')
    .option('-y, --yes', 'ask nothing: where the line does not answer, the more careful answer counts')
    .addOption(
      new Option('--alone', 'you are alone on this repository and decide on your own runs').conflicts([
        'notAlone',
        'integratorKey',
      ]),
    )
    .option('--not-alone', 'another person decides on your runs')
    .option('--developer <name>', 'who starts runs (default: the name that git knows)')
    .option('--integrator <name>', 'who decides on them')
    .option(
      '--integrator-key <key>',
      "the integrator's own public key: its line, or a file with it; without it, it is asked for, else one is made here",
    )
    .option('--no-passphrase', "leave the people's new keys without a passphrase (otherwise one is asked for)")
    .addOption(
      new Option(
        '--agent <name>',
        'the coding agent that writes, verifies and reviews, acp:COMMAND for one that speaks the Agent Client Protocol, or model:PROVIDER/MODEL or model:MODEL@URL for a model by its API',
      )
        .choices(AGENTS)
        .argParser(chosenAgent),
    )
    .option('--force', 'replace a policy and a worker config that are there; keys are never replaced')
    .option(
      '--share-with <group>',
      "let a group of this machine's users use the state and the store; on a repository that has its files, only this",
    )
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', INIT_EXAMPLES)
    .action(async (options) => (await import('./init-project.js')).initProject(context, options, questions));
}

const WORKER_EXAMPLES = `
Examples:
  promptos worker
  promptos worker --worker-config ./reviewer.yaml
  promptos worker --start-server --detach && promptos server status
  promptos worker restart

It serves the Temporal that TEMPORAL_* or temporal.toml name, else the embedded server. Its log is JSON Lines on standard
error. Ctrl-C lets running gates be handed back to the next worker, and ends it with 0; a second Ctrl-C ends it at once.`;

function repository(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const split = text.indexOf('=');
  if (split < 1 || split === text.length - 1) throw new InvalidArgumentError('expected NAME=PATH.');
  return { ...before, [text.slice(0, split)]: text.slice(split + 1) };
}

export function workerCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('worker')
    .option('--worker-config <file>', 'the worker config (default: .promptos/worker.yaml of the repository)')
    .option(
      '--repository <name=path>',
      'a repository that runs may name, beside those of the config; may be given several times',
      repository,
    )
    .option('--start-server', 'start the embedded Temporal server when it does not run')
    .option('--detach', 'leave it running in the background and return when it is ready')
    .addHelpText('after', WORKER_EXAMPLES)
    .addCommand(restartCommand(context))
    .action(async (options) => {
      const { serveRuns, serveInBackground } = await import('./serve-runs.js');
      await (options.detach === true ? serveInBackground : serveRuns)(context, options);
    });
}

/** `promptos worker restart`: another worker in the background, on the server that goes on. */
const restartCommand = (context: CommandContext): CommandUnknownOpts =>
  new Command('restart')
    .description('end the worker in the background and start another; the server and its runs go on')
    .option('--worker-config <file>', 'the worker config (default: that of the worker before)')
    .option('--repository <name=path>', 'a repository that runs may name, beside those of before', repository)
    .addHelpText(
      'after',
      `
Examples:
  promptos worker restart
  promptos worker restart --worker-config ./reviewer.yaml

For a changed worker config, new keys or an update of promptos. Gates that are being carried out are handed back, and the
new worker carries them out again. Where no worker runs in the background, one is started.`,
    )
    .action(async (_options, command) => {
      const { restartInBackground } = await import('./serve-runs.js');
      // Options of the same name before "restart" are the parent's.
      await restartInBackground(context, command.optsWithGlobals());
    });

/**
 * `promptos server status|stop`: the embedded server and the worker that `--detach` left in the background.
 * @param stateDir the state folder of the repository that the command is called in.
 */
export function serverCommand(context: CommandContext, stateDir: () => Promise<string>): CommandUnknownOpts {
  const server = new Command('server').addHelpText('after', '\nExample:\n  promptos server status');
  server
    .command('status')
    .description('say whether they run, and where; exit 1 when no server runs')
    .addHelpText('after', '\nExample:\n  promptos server status --json')
    .action(async () => (await import('./background.js')).showState(context, await stateDir()));
  server
    .command('stop')
    .description('end them; runs stay in the database and go on after the next start')
    .addHelpText('after', '\nExample:\n  promptos server stop')
    .action(async () => (await import('./background.js')).stopProcesses(context, await stateDir()));
  return server;
}
