import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { ASKED_GATES, BUG_LANGUAGES } from '../../canary/seeded/seeded-bug.js';
import { PromptOsError } from '../../contracts/errors.js';
import { DEFAULT_ARTIFACTS_DIR } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';
import { collect, positiveNumber, RUN_ARGUMENT } from '../app/options.js';
import type { StoreCommandContext } from '../app/published-run.js';
import { type Questions, terminalQuestions } from '../app/questions.js';
import type { SubjectKind } from './trace/find-traced.js';
import type { RunVerifier } from './verify/verify-run.js';

const SUBJECT_KINDS: readonly SubjectKind[] = ['run', 'digest', 'commit', 'path'];

const BUNDLE_HELP = 'a run as `promptos export --bundle` wrote it, in place of the store; may be given several times';

export function verifyCommand(context: StoreCommandContext): CommandUnknownOpts {
  return new Command('verify')
    .argument('[tree-or-run]', 'an exported folder, a bundle, or a run: its id, the beginning of its id, or "latest"')
    .option('--policy <file>', 'a policy that you trust; may be given several times', collect)
    .option('--promptos-policy <file>', 'a policy file of existing PromptOS tooling, checked on top')
    .option('--all [store]', "every run of a store: the folder that holds runs/, or this project's store")
    .option('--using <what>', 'with --all: only runs that used it, such as prompt=P05@1.0.0; repeatable', collect)
    .addHelpText(
      'after',
      `
Without --policy the tree vouches for itself. docs/verify.md explains every check and every code.

Exit codes: 0 verified, 1 not verified (also what cannot be read), 2 wrong usage, 3 the store could not be opened.

Examples:
  $ promptos verify ./exported-run --policy .promptos/policy.yaml
  $ promptos verify run.tar --policy trusted.yaml
  $ promptos verify latest --policy .promptos/policy.yaml
  $ promptos verify --all .promptos/state/artifacts --policy .promptos/policy.yaml
  $ promptos verify --all --using prompt=P05@1.0.0 --using policy=sha256:3f80f81d --policy .promptos/policy.yaml`,
    )
    .action(async (target, options) =>
      (await import('./verify/verify-target.js')).verifyTarget(context, target, options),
    );
}

export function traceCommand(context: StoreCommandContext, verify?: RunVerifier): CommandUnknownOpts {
  return new Command('trace')
    .argument('<subject>', 'a path, a SHA-256, a commit, or a run (its id, the beginning of its id, or "latest")')
    .option('--repo-path <path>', 'the repository of commits and paths (default: around the current folder)')
    .addOption(new Option('--kind <kind>', 'what the subject is, where it could be two things').choices(SUBJECT_KINDS))
    .option('--artifacts-dir <dir>', 'where the repository keeps exported sessions', DEFAULT_ARTIFACTS_DIR)
    .option('--policy <file>', 'a policy to verify the run against; may be given several times', collect)
    .option('--bundle <file>', BUNDLE_HELP, collect)
    .addHelpText(
      'after',
      `
Exit 1 when no run accounts for the subject (NO_MATCH), or when something on the way does not hold.

Examples:
  $ promptos trace src/split.js
  $ promptos trace HEAD --policy .promptos/policy.yaml
  $ promptos trace latest --json
  $ promptos trace HEAD --bundle run.tar --policy trusted.yaml`,
    )
    .action(async (subject, options) =>
      (await import('./trace/trace-subject.js')).traceSubject(context, subject, options, verify),
    );
}

export function prCheckCommand(context: StoreCommandContext, verify?: RunVerifier): CommandUnknownOpts {
  return new Command('pr-check')
    .requiredOption('--body <file>', "the pull request's description")
    .requiredOption('--commit <commit>', 'the commit that brings the change in')
    .option('--artifacts-dir <dir>', 'the folder of the exported session in the pull request', DEFAULT_ARTIFACTS_DIR)
    .option('--policy <file>', 'a policy to verify the run against; may be given several times', collect)
    .option('--bundle <files...>', BUNDLE_HELP)
    .addHelpText(
      'after',
      `
A line for each check; exit 1 when one fails. docs/audit.md explains what is compared.

Examples:
  $ promptos pr-check --body pr-body.md --commit HEAD --policy .promptos/policy.yaml
  $ promptos pr-check --body pr-body.md --commit HEAD --policy trusted.yaml --bundle artifacts/evidence/*.tar`,
    )
    .action(async (options) =>
      (await import('./check/check-pull-request.js')).showPullRequest(context, options, verify),
    );
}

export function ungovernedCommand(context: StoreCommandContext, verify?: RunVerifier): CommandUnknownOpts {
  return new Command('ungoverned')
    .requiredOption('--since <ref>', 'the commits that can be reached from here are not looked at')
    .option('--branch <branch>', 'the branch that is looked at', 'HEAD')
    .option('--artifacts-dir <dir>', 'where the repository keeps exported sessions', DEFAULT_ARTIFACTS_DIR)
    .option('--policy <file>', 'a policy to verify the runs against; may be given several times', collect)
    .option('--bundle <files...>', BUNDLE_HELP)
    .addHelpText(
      'after',
      `
Exit 1 when there is one. docs/audit.md explains what covers a commit.

Example:
  $ promptos ungoverned --since v1.2.0 --branch main --policy .promptos/policy.yaml`,
    )
    .action(async (options) =>
      (await import('./ungoverned/list-ungoverned.js')).listUngoverned(context, options, verify),
    );
}

const EXCEPT_HELP = `
Writes .promptos/exceptions/COMMIT.json for you to commit. It counts for promptos ungoverned --policy FILE while it has not
expired, with the signature of an integrator of that policy. In a terminal it shows the commit and asks.

Examples:
  $ promptos except --setup --as grace --reason "Introduces the policy" --expires 365d
  $ promptos except 3f9c2d1 --as grace --reason "Hotfix of incident 42" --expires 30d`;

export function exceptCommand(
  context: CommandContext,
  questions: Pick<Questions, 'confirm'> = terminalQuestions,
): CommandUnknownOpts {
  return new Command('except')
    .argument('[commit]', 'the commit; left out with --setup')
    .option('--setup', 'the commit that introduced .promptos/policy.yaml')
    .requiredOption('--as <name>', 'who signs: an integrator of the policy')
    .requiredOption('--reason <text>', 'why no run has to cover it')
    .requiredOption('--expires <duration>', 'how long it counts, such as 90d; the commit is listed again afterwards')
    .option('--policy <file>', 'the policy that lists the integrator (default: that of the repository)')
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .option('--force', 'replace an exception of the commit, as to renew it')
    .option('--yes', 'sign without asking')
    .addHelpText('after', EXCEPT_HELP)
    .action(async (commit, options) =>
      (await import('./ungoverned/exceptions.js')).signException(context, commit, options, questions),
    );
}

export function applyCommand(
  context: StoreCommandContext,
  questions: Pick<Questions, 'confirm'> = terminalQuestions,
): CommandUnknownOpts {
  return new Command('apply')
    .argument('<run>', `${RUN_ARGUMENT}; it was approved`)
    .option('--branch <name>', 'commit there without checking it out; made at HEAD when it does not exist')
    .option('--repo <path>', 'the repository', '.')
    .option('--as <name>', "who commits: a human of the run's policy (default: the name that git knows)")
    .option('--yes', 'commit without asking who the committer is')
    .addHelpText(
      'after',
      `
The branch's versions of the patch's files must be those of the run's base commit, and clean. No hooks run: the commit
holds exactly what was approved. A run that rests on a waiver that has expired is not applied.

pr-check refuses a change that its writer committed, or its developer (unless the policy has self_approval: allowed). Where
that would happen the command warns before it commits, says who may commit, and in a terminal asks. --as NAME is the
committer's name; the address stays that of git's user.email, and counts too.

Examples:
  $ promptos apply 20260102-fix-sum --branch fix-sum
  $ promptos apply 20260102-fix-sum --branch fix-sum --as grace`,
    )
    .action(async (run, options) => (await import('./apply/apply-run.js')).applyRun(context, run, options, questions));
}

const NAMED_CHANGES = ['patch', 'staged', 'range'];

const CHECK_HELP = `
Judges a change by the rules that P05 and P06 judge a patch with (docs/rules.md), and says what they find. Without --patch,
--staged, --range and --base it takes the files of the working tree, files that git ignores left out, as a change of HEAD.

Exit codes: 0 no finding blocks; 1 one does, also for a change that is empty; 2 wrong usage, such as a job that cannot be
read; 3 infrastructure.

Examples:
  $ promptos check --job job.json                              what an agent does before it answers
  $ promptos check --job job.json --plan plan.json --staged    what a pre-commit hook does
  $ promptos check --job exported-run --base origin/main --policy trusted.yaml --sarif check.sarif
  $ promptos check --job job.json --patch change.patch
  $ promptos hooks install --job job.json                      checks every commit`;

/** `promptos check`: judges a change by the rules on patches. */
export function checkCommand(
  context: CommandContext,
  readInput: () => Promise<Uint8Array> = async () =>
    (await import('../../config/files.js')).readBounded(process.stdin, 'standard input'),
): CommandUnknownOpts {
  return new Command('check')
    .requiredOption('--job <file>', 'a job.json, or the folder of a run that was exported with --tree')
    .option('--plan <file>', 'a plan.json: the change must keep to its files (default: that of the folder of --job)')
    .option('--policy <file>', 'the policy (default: that of the repository)')
    .addOption(new Option('--patch <file>', 'a patch on HEAD or on --base; "-" reads it from standard input'))
    .addOption(
      new Option('--staged', 'what is staged, as a change of HEAD').conflicts(
        NAMED_CHANGES.filter((name) => name !== 'staged'),
      ),
    )
    .addOption(
      new Option('--range <commits>', 'A..B from A to B, A...B from where B left A').conflicts([
        'patch',
        'staged',
        'base',
      ]),
    )
    .addOption(
      new Option('--base <commit>', 'HEAD since it left this commit; with --patch the commit that it is for').conflicts(
        ['staged', 'range'],
      ),
    )
    .option('--sarif <file>', 'write the findings as SARIF 2.1.0 as well; "-" is standard output')
    .addHelpText('after', CHECK_HELP)
    .action(async (options) => (await import('./check/check-change.js')).checkChange(context, options, readInput));
}

const CANARY_HELP = `
Makes a throw-away repository, plants one known violation after the other into runs on it, and says which gate and rule
caught each: paths out of scope, credentials, failing and weakened tests, dependencies that no plan names, injected
instructions, hidden characters and more. The gates are carried out by the code of a worker, with git, a store and the
rules; no Temporal server and no model takes part. An honest change goes first, in which nothing may be found.

The policy of the repository, or that of --policy, gives limits, protected paths and tests, and agent files. Principals and
checks are those of the canaries. Without a policy a built-in one is used.

With --executor, an executor of the worker config is measured instead: it verifies (P06) and reviews (P07) changes with
seeded bugs of six classes in three languages, and the same changes without the bug. This calls its model, and costs what
that costs. The report has, for each version of a prompt and model, how many bugs were caught, how many honest changes were
objected to, and how many answers had the asked form at the first try.

Exit codes: 0 every canary was caught, or an executor was measured; 1 a canary was not caught, the honest change did not
pass, or the executor cannot be asked; 2 wrong usage; 3 infrastructure.

Examples:
  $ promptos canary
  $ promptos canary --policy trusted.yaml --json
  $ promptos canary --class secret
  $ promptos canary --executor reviewer-agent --gate P07 --report review.json`;

/** Those that would change nothing without an executor. */
const MEASURE_OPTIONS = {
  workerConfig: '--worker-config',
  gate: '--gate',
  language: '--language',
  repeat: '--repeat',
  report: '--report',
} as const;

/** @throws PromptOsError USAGE */
function refuseMeasureOptions(options: Readonly<Record<string, unknown>>): void {
  for (const [name, option] of Object.entries(MEASURE_OPTIONS)) {
    if (options[name] === undefined) continue;
    throw new PromptOsError('USAGE', `${option}: expected --executor with it, received none.`, {
      hint: 'Name the executor to measure with --executor; without one, canaries are planted and no model is asked.',
    });
  }
}

export function canaryCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('canary')
    .option('--policy <file>', 'the policy (default: that of the repository, where it has one)')
    .option('--class <name>', 'plant the canaries, or with --executor the bugs, of one class alone')
    .addOption(new Option('--executor <name>', 'measure this executor of the worker config').conflicts('policy'))
    .option('--worker-config <file>', 'with --executor: the worker config (default: that of the repository)')
    .addOption(
      new Option('--gate <gate...>', 'with --executor: the gates to ask at (default: P06 P07)').choices(ASKED_GATES),
    )
    .addOption(
      new Option('--language <name>', 'with --executor: the bugs of one language alone').choices(BUG_LANGUAGES),
    )
    .option('--repeat <number>', 'with --executor: how often it is asked about each change', positiveNumber)
    .option('--report <file>', 'with --executor: write the report here, as JSON')
    .addHelpText('after', CANARY_HELP)
    .action(async ({ executor, ...options }) => {
      if (executor === undefined) {
        refuseMeasureOptions(options);
        return (await import('./canary/run-canaries.js')).runCanaries(context, options);
      }
      return (await import('./canary/measure-executor.js')).measureExecutor(context, { ...options, executor });
    });
}
