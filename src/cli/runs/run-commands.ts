import { Command, type CommandUnknownOpts, Option, type OptionValues } from '@commander-js/extra-typings';
import { PromptOsError } from '../../contracts/errors.js';
import { DEFAULT_ARTIFACTS_DIR, GATE_IDS } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';
import { collect, positiveNumber, RUN_ARGUMENT } from '../app/options.js';
import type { StoreCommandContext } from '../app/published-run.js';
import type { AskAwaited } from './show/show-run.js';

/**
 * `promptos run list|status|watch|logs|cancel|recover|prune`: looks at runs, ends one, finishes one that is stuck, and
 * lets transcripts go.
 * @param cancel the command that ends a run: it is an answer as a decision is
 * @param ask asks on the terminal for what a watched run waits for
 */
export function runCommand(context: CommandContext, cancel: CommandUnknownOpts, ask: AskAwaited): CommandUnknownOpts {
  const list = new Command('list')
    .description('list the runs, the newest first')
    .option('--limit <n>', 'how many at most', positiveNumber, 20)
    .option('--prompt <id>', 'only runs that use a prompt: P05, P05@1.0.0 or P05@sha256:…', collect)
    .option('--pack <version>', 'only runs that use a prompt pack: v1.2.3 or sha256:…', collect)
    .option('--policy <sha256>', 'only runs under a policy: sha256:…', collect)
    .option('--model <name>', 'only runs in which a model was requested or served', collect)
    .addHelpText(
      'after',
      '\nExamples:\n  promptos run list\n  promptos run list --json --limit 100 | jq -r .run_id\n  promptos run list --prompt P05@1.0.0 --model example-model\n\nAn open run shows what it waits for, and who may answer. Without a Temporal server the runs are listed from the store.\nWith several of --prompt, --pack, --policy and --model all must hold. An open run counts with every prompt of its pack.',
    )
    .action(async ({ limit, ...wanted }) => {
      const { listRuns } = await import('./show/list-runs.js');
      await listRuns(context, limit, wanted);
    });
  const status = new Command('status')
    .description('show the gates of a run, what it awaits, and how to answer')
    .argument('<run>', RUN_ARGUMENT)
    .option('--follow', 'show it until the run has ended: drawn again on a terminal, else a line for each change')
    .addHelpText(
      'after',
      '\nExamples:\n  promptos run status latest\n  promptos run status latest --follow\n  promptos run status 20260102-fix-sum --json\n\nA gate that is carried out shows what its worker is at: the check or the agent, its time, its time-out, and the last line\nthat it printed. For that no worker has to answer, only the server. Without a server it shows what the store knows of the run.\nCtrl-C stops following; the run goes on.',
    )
    .action(async (run, { follow }) => {
      const { showRun } = await import('./show/show-run.js');
      if (follow !== true) return showRun(context, run);
      const { followStatus } = await import('./show/show-run.js');
      await followStatus(context, run);
    });
  const watch = new Command('watch')
    .description('follow a run until it has ended; exit 0 when it was approved, 1 otherwise')
    .argument('<run>', RUN_ARGUMENT)
    .option('--as <name>', 'ask on this terminal for each decision, as this integrator')
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .addHelpText(
      'after',
      '\nExamples:\n  promptos run watch latest\n  promptos run watch 20260102-fix-sum --as grace\n\nCtrl-C stops watching; the run goes on.',
    )
    .action(async (run, options) => {
      const { watchRun } = await import('./show/show-run.js');
      await watchRun(context, run, options, ask);
    });
  const logs = new Command('logs')
    .description('print what the checks and the agents of a gate print, also while they run')
    .argument('<run>', RUN_ARGUMENT)
    .addOption(
      new Option('--gate <gate>', 'the gate (default: the one that is carried out, else the last one)').choices(
        GATE_IDS,
      ),
    )
    .option('--attempt <n>', 'the attempt of the gate (default: the newest)', positiveNumber)
    .option('--follow', 'go on until the gate has ended; without --gate until the run has ended')
    .addHelpText(
      'after',
      '\nExamples:\n  promptos run logs latest\n  promptos run logs latest --follow\n  promptos run logs 20260102-fix-sum --gate P06 --attempt 1\n\nWhile a gate is carried out, its worker sends the end of each output every 2 seconds, with credentials masked; what is\nprinted faster is left out until the gate has ended. Afterwards the whole of it comes from the store. With --json each line\nis an object. Ctrl-C stops following; the run goes on.',
    )
    .action(async (run, options) => {
      const { showLogs } = await import('./show/run-logs.js');
      await showLogs(context, run, options);
    });
  const recover = new Command('recover')
    .description('finish a run whose record could not be published, or write down what there is of it')
    .argument('<run>', RUN_ARGUMENT)
    .option('--tree <dir>', 'a folder for what there is (default: RUN.incomplete)')
    .option('--bundle <file>', 'one file for it, instead of a folder')
    .addHelpText(
      'after',
      `
Where the ledger is whole and this machine serves the engine with its key, the run is finished as a worker would: verified,
sealed and published. Else everything that the store and the server have of it is written outside of the store, marked
by INCOMPLETE.json: \`promptos verify\` calls it incomplete and never verified. A run that goes on by itself is left alone.

Exits with 0 when the record is published, with 1 when what was written is incomplete.

Examples:
  promptos run recover 20260102-fix-sum
  promptos run recover 20260102-fix-sum --bundle 20260102-fix-sum.incomplete.tar`,
    )
    .action(async (run, options) => {
      if (options.tree !== undefined && options.bundle !== undefined) {
        throw new PromptOsError('USAGE', 'Expected either --tree DIR or --bundle FILE, received both.');
      }
      const { recoverRun } = await import('./trees/recover-run.js');
      await recoverRun(context, run, options);
    });
  const prune = new Command('prune')
    .description('remove transcripts of ended runs that their policies keep no longer')
    .option('--dry-run', 'only show what would be removed')
    .addHelpText(
      'after',
      `
\`transcripts: { keep: 90d }\` of the policy that a run pinned says how long after its end what its executors printed is kept.
Prompts, answers, check logs and all other evidence stay, and so does the record with the digest of what is removed:
\`promptos verify\` accepts that it is missing once that time is over, and never before. Bytes that another run needs stay too.

Exits with 1 when a run could not be read: then no bytes are removed, since that run may need them.

Examples:
  promptos run prune --dry-run
  promptos run prune`,
    )
    .action(async ({ dryRun }) => {
      const { pruneRuns } = await import('./trees/prune-runs.js');
      await pruneRuns(context, { dryRun });
    });
  return new Command('run')
    .addHelpText('after', '\nExample:\n  promptos run status latest')
    .addCommand(list)
    .addCommand(status)
    .addCommand(watch)
    .addCommand(logs)
    .addCommand(cancel)
    .addCommand(recover)
    .addCommand(prune);
}

/** `promptos export`: takes a run's session, or its whole tree, out of the store into the user's files. */
export function exportCommand(context: StoreCommandContext): CommandUnknownOpts {
  return new Command('export')
    .option('--artifacts-dir <dir>', 'the evidence folder: prompt_session.json and its sidecar go there')
    .option('--tree <dir>', 'a folder for the whole published tree')
    .option('--bundle <file>', 'one file for the whole published tree, the same bytes wherever it is written')
    .option(
      '--run <id>',
      'the run (default: "latest", the newest of this repository, else the last that dev started from here)',
    )
    .option('--session-file <file>', 'a prompt_session.json to check and copy, instead of a run')
    .option('--force', 'replace files that are there and differ', false)
    .addHelpText(
      'after',
      `
Examples:
  $ promptos export --artifacts-dir artifacts/evidence
  $ promptos export --tree ./run --run 20260102-fix-sum
  $ promptos export --bundle artifacts/evidence/20260102-fix-sum.tar --run 20260102-fix-sum`,
    )
    .action(async (options) => (await import('./trees/export-run.js')).exportRun(context, options));
}

/** `promptos pr-block`: the lines that a pull request quotes. */
export function prBlockCommand(context: StoreCommandContext): CommandUnknownOpts {
  return new Command('pr-block')
    .argument('<run>', `${RUN_ARGUMENT}; it has ended`)
    .option('--artifacts-dir <dir>', 'the folder of the exported session in the pull request', DEFAULT_ARTIFACTS_DIR)
    .addHelpText(
      'after',
      `
Example:
  $ promptos pr-block 20260102-fix-sum >> pr-body.md`,
    )
    .action(async (run, { artifactsDir }) =>
      (await import('./trees/export-run.js')).printPrBlock(context, run, artifactsDir),
    );
}

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
    .action(async (run, options) => (await import('./gates/gate-work.js')).nextGate(context, run, options));
  const submit = addDeskOptions(
    new Command('submit')
      .description('judge, sign and send the output of a gate that was done elsewhere')
      .argument('<run>', RUN_ARGUMENT)
      .addOption(new Option('--gate <gate>', 'the gate that the output is of').choices(GATE_IDS).makeOptionMandatory())
      .requiredOption('--output <file>', 'the output: JSON of the shape that the prompt shows')
      .option('--patch <file>', 'P05: the change, in place of the files of the claimed checkout')
      .option('--submit-failing', 'submit it although it fails by its findings'),
  )
    .addHelpText('after', SUBMIT_EXAMPLES)
    .action(async (run, options) => (await import('./gates/gate-work.js')).submitOutput(context, run, options));
  const release = addDeskOptions(
    new Command('release')
      .description('end the claim on a gate')
      .argument('<run>', RUN_ARGUMENT)
      .addOption(gateOption()),
  )
    .addHelpText('after', RELEASE_EXAMPLES)
    .action(async (run, options) => (await import('./gates/gate-work.js')).releaseClaim(context, run, options));
  return new Command('gate')
    .addHelpText(
      'after',
      '\nExamples:\n  promptos gate next latest --as ada\n  promptos gate submit latest --gate P03 --as ada --output plan.json',
    )
    .addCommand(next)
    .addCommand(submit)
    .addCommand(release);
}

const MCP_EXAMPLES = `
Examples:
  promptos mcp --as claude-writer                on standard input and output: what an MCP client starts
  promptos mcp --as claude-writer --http 3917    on http://127.0.0.1:3917/mcp, behind a bearer token

A client reads status, artifacts and ledgers of runs, raises escalations, and does the gates that the worker config hands
off (\`kind: handoff\`): it opens one, gets its prompt and a checkout, and submits the output, signed as --as. No tool
decides: people approve, reject, resolve and cancel outside of MCP.

With --http every request needs the token that the command prints, or that PROMPTOS_MCP_TOKEN holds. Only loopback addresses
are served. docs/mcp.md has the configuration of clients.`;

/**
 * `promptos mcp`: the Model Context Protocol for one principal.
 * @param version of this program, for clients to show
 */
export const mcpCommand = (context: CommandContext, version: string): CommandUnknownOpts =>
  new Command('mcp')
    .requiredOption('--as <principal>', 'the principal of the policy that the client works as')
    .option(
      '--http <address>',
      'serve streamable HTTP on [HOST:]PORT of a loopback address, in place of standard input',
    )
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .option('--claimant <name>', 'who of those with that key works on gates (default: your user name and this machine)')
    .addHelpText('after', MCP_EXAMPLES)
    .action(async (options) => (await import('./mcp/serve-mcp.js')).serveMcp(context, { ...options, version }));
