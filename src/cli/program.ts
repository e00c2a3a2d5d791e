import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { parseJson } from '../contracts/json.js';
import type { CommandContext } from './app/context.js';
import { addGlobalOptions, withSubcommands } from './app/options.js';
import type { StoreCommandContext } from './app/published-run.js';

/** The version in a package.json. */
function versionIn(path: string | URL): string {
  const { version } = parseJson(readFileSync(path)) as { readonly version?: string };
  return version ?? 'unknown';
}

/** The version of this package: two levels above `cli`, in `src` as in `dist`. */
const ownVersion = (): string => versionIn(new URL('../../package.json', import.meta.url));

const sdkVersion = (): string => versionIn(createRequire(import.meta.url).resolve('@temporalio/client/package.json'));

/** `promptos version`: the versions of everything that a report of a defect should name. */
function versionCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('version').addHelpText('after', '\nExample:\n  promptos version --json').action(async () => {
    const { builtInPackDir, identifyLockedPack } = await import('../config/pack-folder.js');
    const locked = await identifyLockedPack(builtInPackDir(), context.env);
    const judged = async () => (await import('../config/prompt-pack.js')).readPromptPack(builtInPackDir(), context.env);
    const { prompt_os_version, digest } = locked ?? (await judged());
    const [promptos, temporal_sdk] = [ownVersion(), sdkVersion()];
    const node = process.versions.node;
    const output = context.output();
    output.say(`promptos      ${promptos}`);
    output.say(`prompt pack   ${prompt_os_version} (${digest.slice(0, 12)}…)`);
    output.say(`Temporal SDK  ${temporal_sdk}`);
    output.say(`Node.js       ${node}`);
    output.emit({ promptos, prompt_pack: prompt_os_version, prompt_pack_sha256: digest, temporal_sdk, node });
  });
}

const EXAMPLES = `
Examples:
  promptos demo                              one governed run from end to end
  promptos init                              in a repository of your own
  promptos dev --developer ada --notes "…"   start a run there
  promptos approve latest                    decide on the output of its gate

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 infrastructure. docs/errors.md explains every code.`;

/** A command of the program, as far as its own help shows it before any of its code is loaded. */
interface CommandEntry {
  readonly name: string;
  /** Its arguments, as help shows them. */
  readonly takes?: string;
  /** Those of a group, for a line that names one of them alone. */
  readonly commands?: readonly string[];
  /** One line; the definition of the command has no other. */
  readonly description: string;
  readonly load: (context: StoreCommandContext) => Promise<CommandUnknownOpts>;
}

const audit = () => import('./audit/audit-commands.js');
const decide = () => import('./decide/decide-commands.js');
const packs = () => import('./packs/pack-commands.js');
const processes = () => import('./start/start-commands.js');
const runs = () => import('./runs/run-commands.js');

async function loadRun(context: CommandContext): Promise<CommandUnknownOpts> {
  const [{ runCommand }, { askOnTerminal, cancelCommand }] = await Promise.all([runs(), decide()]);
  return runCommand(context, cancelCommand(context), askOnTerminal);
}

async function loadServer(context: CommandContext): Promise<CommandUnknownOpts> {
  const stateDir = async (): Promise<string> => {
    const [{ findProject }, { requireUsableState }] = await Promise.all([
      import('./app/project.js'),
      import('../config/shared-state.js'),
    ]);
    const { state } = (await findProject(context)).files;
    await requireUsableState(state);
    return state;
  };
  return (await processes()).serverCommand(context, stateDir);
}

/** Every command, by its heading in the help. Its code is loaded when a line names it. */
export const COMMANDS: Readonly<Record<string, readonly CommandEntry[]>> = {
  'Start:': [
    {
      name: 'demo',
      description: 'watch one governed run from end to end',
      load: async (context) => (await import('./demo/demo-command.js')).demoCommand(context),
    },
    {
      name: 'init',
      description: 'write a commented policy, a worker config and keys for this repository',
      load: async (context) => (await import('./start/start-commands.js')).initCommand(context),
    },
    {
      name: 'dev',
      description: 'start a governed run on a repository, and follow it',
      load: async (context) => (await import('./start/start-commands.js')).devCommand(context),
    },
    {
      name: 'doctor',
      description: 'check everything that runs need, and say what to do about what is missing',
      load: async (context) => (await import('./doctor/doctor-command.js')).doctorCommand(context),
    },
  ],
  'Decide:': [
    {
      name: 'approve',
      takes: '<run>',
      description: 'approve the output of a gate; in a terminal it is shown first, and you are asked',
      load: async (context) => (await decide()).approveCommand(context),
    },
    {
      name: 'reject',
      takes: '<run>',
      description: 'send a run back with a reason, or end it as rejected',
      load: async (context) => (await decide()).rejectCommand(context),
    },
    {
      name: 'escalate',
      takes: '<run>',
      description: 'raise a Governance Escalation (P08): the run stops until an integrator resolves it',
      load: async (context) => (await decide()).escalateCommand(context),
    },
    {
      name: 'resolve',
      takes: '<run> [escalation]',
      description: 'answer an open escalation of a run; in a terminal it is shown first, and you are asked',
      load: async (context) => (await decide()).resolveCommand(context),
    },
  ],
  'Do gates by hand:': [
    {
      name: 'gate',
      description: 'claim, do and submit a gate that a run has handed off to you or your editor',
      commands: ['next', 'submit', 'release'],
      load: async (context) => (await runs()).gateCommand(context),
    },
  ],
  'Runs and their results:': [
    {
      name: 'run',
      description: 'list, watch, cancel and recover runs, show their status, and print their logs',
      commands: ['list', 'status', 'watch', 'logs', 'cancel', 'recover', 'prune'],
      load: loadRun,
    },
    {
      name: 'export',
      description: "write a run's session artifact, or its whole published tree, into a folder or one file",
      load: async (context) => (await runs()).exportCommand(context),
    },
    {
      name: 'pr-block',
      takes: '<run>',
      description: 'print the block for the description of a pull request',
      load: async (context) => (await runs()).prBlockCommand(context),
    },
    {
      name: 'apply',
      takes: '<run>',
      description: "commit an approved run's patch, with trailers that name the run and its record",
      load: async (context) => (await audit()).applyCommand(context),
    },
  ],
  'Audit:': [
    {
      name: 'verify',
      takes: '[tree-or-run]',
      description: 'check a run from its published tree: every byte, every signature, every rule',
      load: async (context) => (await audit()).verifyCommand(context),
    },
    {
      name: 'trace',
      takes: '<subject>',
      description: 'walk from a file, digest, commit or run to its record, its prompts and who decided',
      load: async (context) => (await audit()).traceCommand(context),
    },
    {
      name: 'check',
      description: 'judge a change by the rules on patches: the working tree, what is staged, commits, or a patch',
      load: async (context) => (await audit()).checkCommand(context),
    },
    {
      name: 'canary',
      description: 'plant known violations into runs, and say which gate and rule caught each',
      load: async (context) => (await audit()).canaryCommand(context),
    },
    {
      name: 'pr-check',
      description: 'check a pull request against its run, in continuous integration',
      load: async (context) => (await audit()).prCheckCommand(context),
    },
    {
      name: 'ungoverned',
      description: 'list the commits of a branch that no verified run covers',
      load: async (context) => (await audit()).ungovernedCommand(context),
    },
    {
      name: 'except',
      takes: '[commit]',
      description: 'sign that a commit is an exception which no run has to cover',
      load: async (context) => (await audit()).exceptCommand(context),
    },
  ],
  'Prompt packs:': [
    {
      name: 'lint',
      takes: '[dir]',
      description: 'check a prompt pack: front matter, index, lock, secrets, paths',
      load: async (context) => (await packs()).lintCommand(context),
    },
    {
      name: 'prompts',
      description: 'list, show and lock the prompts of a pack',
      commands: ['list', 'show', 'lock'],
      load: async (context) => (await packs()).promptsCommand(context),
    },
    {
      name: 'hooks',
      description: "install promptos's git hooks",
      commands: ['install'],
      load: async (context) => (await packs()).hooksCommand(context),
    },
  ],
  'Keys:': [
    {
      name: 'keys',
      description: 'make and show the keys that decisions and gates are signed with',
      commands: ['generate', 'show', 'fingerprint', 'list'],
      load: async (context) => (await import('./keys/keys-command.js')).keysCommand(context),
    },
  ],
  'Processes:': [
    {
      name: 'worker',
      description: 'carry out runs: the engine and the roles that the worker config says',
      commands: ['restart'],
      load: async (context) => (await processes()).workerCommand(context),
    },
    {
      name: 'server',
      description: 'the embedded Temporal server and the worker in the background',
      commands: ['status', 'stop'],
      load: loadServer,
    },
    {
      name: 'mcp',
      description: 'serve runs to an agent or editor over the Model Context Protocol, as one principal',
      load: async (context) => (await runs()).mcpCommand(context, ownVersion()),
    },
  ],
  'This program:': [
    {
      name: 'version',
      description: 'print the versions of promptos, its prompt pack, the Temporal SDK and Node.js',
      load: async (context) => versionCommand(context),
    },
    {
      name: 'completion',
      takes: '<shell>',
      description: 'print a script by which bash, zsh or fish completes lines',
      load: async (context) => (await import('./completion.js')).completionCommand(context),
    },
  ],
};

/** What help and suggestions need of a command that a line does not name. */
function outline({ name, takes, commands = [] }: CommandEntry): CommandUnknownOpts {
  const command: CommandUnknownOpts = new Command(name);
  for (const one of commands) command.command(one);
  for (const argument of takes?.split(' ') ?? []) command.argument(argument);
  return command;
}

/**
 * The whole command line. Each group of commands has its own heading in the help.
 * @param words those of the line: only commands that are among them are loaded. All are when it is left out.
 */
export async function createProgram(
  context: StoreCommandContext,
  words?: readonly string[],
): Promise<CommandUnknownOpts> {
  const program = new Command('promptos')
    .description('Governed AI work as durable Temporal workflows: gates, human approvals, and a record to check.')
    .version(ownVersion(), '-V, --version', 'print the version of promptos; `promptos version` prints more')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError();
  for (const [heading, entries] of Object.entries(COMMANDS)) {
    for (const entry of entries) {
      const named = words === undefined || words.includes(entry.name);
      const command = named ? await entry.load(context) : outline(entry);
      program.addCommand(command.description(entry.description).helpGroup(heading));
    }
  }
  if (words?.includes('__complete')) {
    const { completeCommand } = await import('./completion.js');
    program.addCommand(completeCommand(context), { hidden: true });
  }
  for (const command of withSubcommands(program)) command.helpCommand(false);
  addGlobalOptions(program);
  return program;
}
