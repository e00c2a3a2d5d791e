/**
 * Every error that a user can meet: its exit code, whether Temporal should try again, and the next step.
 * `docs/errors.md` explains each; a test ties the two together.
 */

/** The exit code of a process: 0 done, 1 the answer is no, 2 wrong usage, 3 infrastructure. */
export type ExitCode = 0 | 1 | 2 | 3;

interface ErrorDescription {
  readonly exit: ExitCode;
  /** Whether the same activity may succeed when it is retried. */
  readonly retryable: boolean;
  /** What to do next, as one sentence. */
  readonly hint: string;
}

const no = (hint: string): ErrorDescription => ({ exit: 1, retryable: false, hint });
const usage = (hint: string): ErrorDescription => ({ exit: 2, retryable: false, hint });
const infrastructure = (hint: string): ErrorDescription => ({ exit: 3, retryable: true, hint });
const broken = (hint: string): ErrorDescription => ({ exit: 3, retryable: false, hint });

export const ERROR_CATALOGUE = {
  // Usage
  USAGE: usage('Add --help to the command to see what it takes.'),
  FILE_NOT_READABLE: usage('Check the path and its permissions.'),
  DISK_FULL: infrastructure('Free some space on that disk, then give the command again.'),
  FILE_EXISTS: usage('Give --force to replace it, or another path.'),
  YAML_MALFORMED: usage('Correct the file at the line named.'),
  REQUEST_INVALID: usage('Correct the request file; schemas/run-request.schema.json describes it.'),
  REQUEST_INCOMPLETE: usage('Add the line named to the policy, or give a request file with --request.'),
  JOB_INVALID: usage('Correct the job; schemas/gate-output-p01.schema.json describes it.'),
  PLAN_INVALID: usage('Correct the plan; schemas/gate-output-p03.schema.json describes it.'),
  POLICY_NOT_FOUND: usage('Run `promptos init` in the repository, or name a policy with --policy.'),
  POLICY_INVALID: usage('Correct the policy; schemas/policy.schema.json describes it.'),
  WORKER_CONFIG_NOT_FOUND: usage('Run `promptos init` in the repository, or name a file with --worker-config.'),
  WORKER_CONFIG_INVALID: usage('Correct the worker config; schemas/worker-config.schema.json describes it.'),
  ENVIRONMENT_INVALID: usage('Correct or unset the variable named.'),
  GATE_UNKNOWN: usage('The gates are P00, P01, P03, P05, P06 and P07, in this order; P08 is raised, never listed.'),
  GATE_ORDER: usage('Name the gates in their order: P00,P01,P03,P05,P06,P07.'),
  GATE_REQUIRED: usage('Add the gate to --prompts, or change what the policy requires.'),
  DEVELOPER_EMPTY: usage('Say who starts the run: --developer NAME.'),
  RUN_ID_INVALID: usage('Use 3 to 63 lower-case letters, digits and hyphens.'),
  CHECK_UNKNOWN: usage("Name one of the policy's checks, or add the check to the policy."),
  NOT_A_TERMINAL: usage('Name the choice on the command line, or run this in a terminal.'),
  // Repositories
  REPO_NOT_FOUND: usage('Give a path to a git repository, or a name of the worker config.'),
  REPO_NOT_GIT: usage('Give a folder inside a git repository.'),
  REPO_OF_ANOTHER_USER: usage('Use a clone of your own, or make git trust the folder.'),
  REPO_EMPTY: usage('Make a first commit in the repository.'),
  REPO_DIRTY: usage('Commit or stash the files named: a run starts from a commit.'),
  BASE_NOT_FOUND: usage('Name a commit, branch or tag that the repository has.'),
  SCOPE_MATCHES_NOTHING: usage('Correct the globs: none of the files of the base commit matches.'),
  SUBMODULE_NOT_FOUND: usage('Run `git submodule update --init --recursive` in the repository.'),
  CLONE_INCOMPLETE: usage('Connect to the remote, or run `git fetch --refetch --no-filter` in the clone.'),
  REPO_FETCH_FAILED: infrastructure('Check that the repository can be read from this worker.'),
  GIT_FAILED: infrastructure('Correct what git names; `promptos doctor` checks its version.'),
  GIT_NOT_FOUND: broken('Install git 2.31 or newer.'),
  CHECKOUT_LOST: infrastructure('The gate is tried again in a new checkout.'),
  PATCH_TOO_LARGE: no('Have the executor leave large files out of the checkout.'),
  PATCH_NOT_APPLICABLE: no('Start a new run from the current base.'),
  // Prompt packs
  PACK_NOT_FOUND: usage('Name a folder that holds prompts.index.json.'),
  PACK_INVALID: usage('Run `promptos lint` on the pack and correct what it names.'),
  PACK_LINT_FAILED: no('Correct what the linter names.'),
  PACK_LOCK_MISMATCH: usage('Run `promptos prompts lock --prompt-pack DIR` and commit the lock, or restore the file.'),
  // Trust
  POLICY_NOT_FOR_REPOSITORY: no(
    "Add the repository's name to the policy's `repositories`, or start the run with the policy that governs it.",
  ),
  POLICY_NOT_TRUSTED: no(
    "Add the policy to the worker config's trust.policies, or start the run with a policy that is listed there.",
  ),
  PACK_NOT_TRUSTED: no("Add the pack's digest to the policy's prompt_packs; `promptos prompts list` prints it."),
  PRINCIPAL_NOT_BOUND: no(
    "Name the principal that the policy has for the gate's role, or change `roles` in the policy.",
  ),
  DUTIES_CLASH: no(
    'Give each role a principal, a key and an executor of its own, or set separation.executors: any in the policy.',
  ),
  EXECUTOR_NOT_CONFIGURED: no("Add the principal to the worker config's executors."),
  CHECK_NOT_GRANTED: no("Add the check's name to the worker config's checks.allow."),
  SETUP_NOT_GRANTED: no(
    "Add what is named to the worker config's setup.allow or setup.network, then resolve the P08 with `retry`.",
  ),
  SETUP_FAILED: no(
    'Read what the command printed; correct `setup` in the policy or what it needs on the worker, then resolve the P08 with `retry`.',
  ),
  STEP_NOT_DUE: no('Nothing was signed. The message names what differs; find out who asked.'),
  RULES_VERSION_UNKNOWN: infrastructure(
    'Nothing was signed. Update PromptOS on the machine that says so; until then, a worker of a newer release can take the step.',
  ),
  FORK: no('Nothing was signed. An integrator reads what is missing, and resolves the P08 that the run raises.'),
  RUN_ID_TAKEN: no('A run id is used once per store: start the run under another one.'),
  SECRET_SCAN_FAILED: infrastructure(
    'Run `gitleaks version` as the worker, and update gitleaks or remove it from PATH.',
  ),
  REQUEST_HOLDS_SECRET: usage(
    'Remove the credential, name the variable that holds it, and revoke it if it was shared.',
  ),
  MESSAGE_HOLDS_SECRET: usage('Remove the credential from the text, and revoke it if it was shared.'),
  // Keys and signatures
  KEY_EXISTS: usage('Give --force to replace it: what the old one signed stays valid as long as the policy has it.'),
  KEY_NOT_FOUND: usage('Run `promptos keys generate --for NAME`, or name a key file with --key.'),
  KEY_NOT_READABLE: usage('Check the file: an Ed25519 key in PKCS#8 PEM or OpenSSH form, readable by you alone.'),
  KEY_LOCKED: usage('Give the passphrase, in a terminal or through the file that PROMPTOS_PASSPHRASE_FILE names.'),
  AGENT_FAILED: infrastructure('Check that ssh-agent runs and holds the key: `ssh-add -l`.'),
  REQUEST_NOT_SIGNED: no(
    "Start the run with the developer's key, or set decisions.authentication: optional in the policy.",
  ),
  DEVELOPER_UNKNOWN: no("Name a principal of the policy, or add the developer to the policy's principals."),
  SIGNATURE_INVALID: no('Sign again with the key that the policy has for this principal.'),
  ENGINE_KEY_MISSING: broken(
    "Give the engine's worker its key (signers.engine in the worker config), and list it in the policy's engine.keys.",
  ),
  // Executors
  EXECUTOR_NOT_FOUND: no('Install the program, or correct argv in the worker config.'),
  EXECUTOR_NOT_PERMITTED: no('Let the user of the worker run the program, for instance with chmod +x.'),
  SANDBOX_UNAVAILABLE: no('Install bubblewrap, or say sandbox: none in the worker config.'),
  EXECUTOR_KEY_MISSING: no(
    'Set one of the variables named in the environment of the worker, restart it, then resolve the P08 with `retry`.',
  ),
  EXECUTOR_LOST: infrastructure('The launcher of the executor ended unexpectedly; it will be tried again.'),
  EXECUTOR_OVERLOADED: infrastructure(
    'The gate is tried again by itself; after `retry_for` of the worker config a P08 asks people.',
  ),
  EXECUTOR_NOT_AUTHENTICATED: no(
    'Correct the credential that the worker config passes to the executor, then resolve the P08 with `retry`.',
  ),
  EXECUTOR_MISCONFIGURED: no('Correct the executor in the worker config, then resolve the P08 with `retry`.'),
  EXECUTOR_OUT_OF_BUDGET: no('Raise the budget where the message says, then resolve the P08 with `retry`.'),
  // Store
  STORE_NOT_READABLE: infrastructure('Check the store and its permissions; `promptos doctor` tries it.'),
  STATE_NOT_SHARED: no('Ask its owner to share it: `promptos init --share-with GROUP`.'),
  STORE_NOT_WRITABLE: infrastructure('Check the store and its permissions; `promptos doctor` tries it.'),
  STORE_FULL: infrastructure('Free some space where the store is.'),
  OBJECT_NOT_FOUND: broken(
    'The store lacks bytes that the run refers to; check that every worker uses the same store.',
  ),
  OBJECT_CORRUPT: broken('The bytes in the store are not those that were stored; restore the store from a backup.'),
  PATH_CLASH: broken('This is a defect; report it with the paths named.'),
  PATH_ESCAPES: no('Use a relative path without "..".'),
  RECORD_INVALID: broken('This is a defect; report it with the field named.'),
  RUN_ALREADY_PUBLISHED: no('A published run cannot change; start a new one.'),
  RUN_NOT_PUBLISHED: no(
    'Wait until the run has ended: `promptos run watch RUN`. Of one that ended without a record, `promptos run recover RUN` writes what there is.',
  ),
  RUN_NOT_APPROVED: no('Only an approved run can be applied.'),
  RUN_NOT_STUCK: no('Wait for it: `promptos run watch`. To end it, use `promptos run cancel`.'),
  WAIVER_EXPIRED: no('Start a new run, and have its findings repaired or waived again.'),
  SESSION_INVALID: no('Name a prompt_session.json as it was written; export the run again if it was changed.'),
  EXPORT_DIFFERS: no('Give --force to replace the existing files.'),
  BUNDLE_MALFORMED: no('Export the bundle again: `promptos export --bundle FILE --run RUN`.'),
  // Runs
  RUN_EXISTS: no('Choose another --run-id, or watch the existing run.'),
  RUN_NOT_FOUND: no('`promptos run list` shows the runs.'),
  RUN_OPEN: no('Add --resume to continue with it, or --new to start another run.'),
  RUN_AMBIGUOUS: usage('Type more of the run id; `promptos run list` shows the runs.'),
  LOGS_NOT_FOUND: no('`promptos run status` shows the gates that were started, and their attempts.'),
  ARTIFACT_NOT_FOUND: no('The tool list_artifacts names the artifacts of the run.'),
  RUN_CLOSED: no('The run has ended; nothing can be decided any more.'),
  NOTHING_AWAITED: no('`promptos run status` shows what the run is doing.'),
  DECISION_REFUSED: no('`promptos run status` shows what the run awaits.'),
  NOTHING_HANDED_OFF: no('`promptos run status` shows what the run is doing, and to whom a gate is handed off.'),
  GATE_CLAIMED: no('Wait until the claim ends, or have its claimant release it: `promptos gate release`.'),
  OUTPUT_UNUSABLE: no('Correct the output and submit it again; nothing was submitted.'),
  REPORT_DIFFERS: no("Do not sign: find out which worker answers for the run, and who polls the engine's queue."),
  LEDGER_BROKEN: broken('The ledger does not lead to the head that the run recorded; report this.'),
  // Audit
  COMMIT_DIFFERS: no("Commit exactly the run's patch: `promptos apply`."),
  COMMITTER_IS_DEVELOPER: no('Have another person commit it, or set self_approval: allowed in the policy.'),
  COMMITTER_IS_WRITER: no('Have another person commit it: the writer of a change may not commit it.'),
  NO_MATCH: no('Look at the nearest runs with `promptos trace RUN`; a change without a run is ungoverned.'),
  PR_BLOCK_DIFFERS: no('Replace the block with what `promptos pr-block RUN` prints.'),
  PR_BLOCK_MISSING: no('Put what `promptos pr-block RUN` prints into the description.'),
  RUN_NOT_VERIFIED: no('Look at the run with `promptos verify RUN`; do not merge a change that does not verify.'),
  SESSION_DIFFERS: no('Export the session of this run again: `promptos export --artifacts-dir DIR --run RUN`.'),
  TRAILER_DIFFERS: no('Commit with the trailers of this run: `promptos apply`.'),
  UNGOVERNED: no(
    'Bring the change in through a governed run, or have an integrator sign an exception: `promptos except`.',
  ),
  // Temporal and the embedded server
  TEMPORAL_UNREACHABLE: infrastructure(
    'Check TEMPORAL_ADDRESS, or unset it to use the embedded server; `promptos doctor` has details.',
  ),
  TEMPORAL_FAILED: infrastructure('Read the message of the server; `promptos doctor` has details.'),
  SERVER_BINARY_MISSING: infrastructure(
    'Install the Temporal CLI (https://docs.temporal.io/cli) and put it on PATH, or set TEMPORAL_CLI_PATH.',
  ),
  SERVER_BINARY_CORRUPT: broken(
    'Remove the cached file named, or set TEMPORAL_CLI_PATH to a Temporal CLI of your own.',
  ),
  SERVER_NOT_STARTED: infrastructure('Read the log file named; `promptos server stop` removes the rest of it.'),
  PROCESS_NOT_STOPPED: infrastructure('End the process named yourself, as the user that started it.'),
  SERVER_NOT_RUNNING: no('`promptos dev` or `promptos demo` starts one.'),
  WORKER_MISSING: infrastructure('Start a worker: `promptos worker`; `promptos dev --worker` starts one of its own.'),
  WORKER_RUNNING: no('`promptos server status` shows it; `promptos worker restart` restarts it.'),
  WORKER_NOT_STARTED: infrastructure('Read the log file named; without --detach the worker prints more.'),
  WORKFLOW_MISSING: broken("Re-export promptos-temporal/workflows from the worker's workflows file."),
  HOOK_FOREIGN: no('Call `promptos lint DIR` and `promptos check --staged --job FILE` from the existing hook.'),
  INTERNAL: broken('This is a defect; report it with the log.'),
} as const satisfies Record<string, ErrorDescription>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** An error that a person can act on: what happened, what was expected and received, and the catalogue's next step. */
export class PromptOsError extends Error {
  override readonly name = 'PromptOsError';
  /** What happened, without the hint. */
  readonly summary: string;

  constructor(
    readonly code: ErrorCode,
    text: string,
    options?: { readonly cause?: unknown; readonly hint?: string },
  ) {
    // A text inside a sentence, such as the message of a library, may end with a full stop of its own.
    const summary = text.replace(/(?<!\.)([.!?…])\.$/, '$1');
    super(
      `${summary} ${options?.hint ?? ERROR_CATALOGUE[code].hint}`,
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.summary = summary;
  }

  get exitCode(): ExitCode {
    return ERROR_CATALOGUE[this.code].exit;
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable;
  }
}

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERROR_CATALOGUE, value);

/** What the operating system calls an error, such as `ENOENT`; null for an error that is not the system's. */
export function systemCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^E[A-Z\d]{2,}$/.test(code) ? code : null;
}

/** Whether the disk, or a quota of it, has no space left. */
export const isDiskFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');

const RAISE_OPEN_FILES = 'Raise the limit of open files (`ulimit -n`), then give the command again.';
const LIMITS: Readonly<Record<string, string>> = {
  EMFILE: RAISE_OPEN_FILES,
  ENFILE: RAISE_OPEN_FILES,
  EFBIG: 'Raise the limit of the size of a file (`ulimit -f`), then give the command again.',
};

/** How to raise the limit of a process that the system enforced; undefined for another error. */
export const limitHint = (error: unknown): string | undefined => LIMITS[systemCode(error) ?? ''];

/** A write that failed: DISK_FULL, or FILE_NOT_READABLE for all that concerns the path itself. */
export function writeFailure(summary: string, cause: unknown): PromptOsError {
  const hint = limitHint(cause);
  const code = isDiskFull(cause) ? 'DISK_FULL' : 'FILE_NOT_READABLE';
  return new PromptOsError(code, summary, { cause, ...(hint !== undefined && { hint }) });
}

/** What went wrong in the words of whoever threw it. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
