import { readFile, stat } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { createLauncher } from '../../../adapters/platform/launcher.js';
import { makeFolders } from '../../../adapters/platform/make-folders.js';
import { copyCheckout, replaceFiles } from '../../../adapters/workspace/tree/copy-files.js';
import { sealFolder, writtenSince } from '../../../adapters/workspace/tree/written-since.js';
import { createHandedOffRuns } from '../../../client/ledger.js';
import { messageOf, PromptOsError } from '../../../contracts/errors.js';
import { own } from '../../../contracts/json.js';
import type { GateId } from '../../../contracts/names.js';
import { MAX_CLAIMANT } from '../../../contracts/run/gate-claim.js';
import { counted } from '../../../contracts/sentences.js';
import { pinKey } from '../../../domain/judge/authenticate.js';
import type { GateDesk, OpenedGate, SubmissionAnswer } from '../../../handoff/gate-desk.js';
import { removeStaleFolders, type StaleFolder } from '../../../handoff/gate-folder.js';
import { openGate } from '../../../handoff/open-gate.js';
import { releaseGate } from '../../../handoff/release-gate.js';
import { submitGate } from '../../../handoff/submit-gate.js';
import type { Signer } from '../../../ports/signer.js';
import { createPorts, type WorkerSetting } from '../../../worker.js';
import { type CommandContext, programOf } from '../../app/context.js';
import { printable, printableLine, shellWord } from '../../app/printable.js';
import { projectKeys, projectPolicies, requireSetting } from '../../app/project.js';
import { announceRun, selectRun } from '../../app/select-run.js';
import { keyOfProject, openSigner, readRunPolicy } from '../../keys/signing.js';
import { type OpenedRuns, withRuns } from '../read/governed-runs.js';
import { describeFinding } from '../show/show-status.js';

interface GateOptions extends DeskOptions {
  readonly gate?: GateId | undefined;
}

/** `gate next`: what is to be done, and where. */
export async function nextGate(context: CommandContext, given: string, options: GateOptions): Promise<void> {
  const opened = await withDesk(context, given, options, ({ desk, run_id }) =>
    openGate(desk, { run_id, gate: options.gate ?? null }),
  );
  const { gate, title, attempt, principal, claim, again, prompt, files, edits_files } = opened;
  const output = context.output();
  const submit = submitCommand(context, opened, options);
  output.say(printable(prompt));
  output.say();
  output.say(`gate    ${gate} ${title}, attempt ${attempt}, for ${printableLine(principal)}`);
  output.say(
    `claim   ${printableLine(claim.claimant)} until ${claim.until}${again ? ', with the folder of before' : ''}`,
  );
  output.say(`prompt  ${files.prompt}`);
  output.say(`schema  ${files.output_schema}`);
  output.say(`files   ${files.checkout}${edits_files ? ': change them there' : ', to read; changes do not count'}`);
  output.say(`output  write it to ${files.output}`);
  output.say(`        → ${submit}`);
  output.emit({ ...opened, submit });
}

/** The line that submits what was written to the folder of the gate. */
function submitCommand(context: CommandContext, { run_id, gate, files }: OpenedGate, options: GateOptions): string {
  const { as, claimant, dir } = options;
  const more = [
    ...(claimant === undefined ? [] : ['--claimant', claimant]),
    ...(dir === undefined ? [] : ['--dir', dir]),
  ];
  const words = ['gate', 'submit', run_id, '--gate', gate, '--as', as, '--output', files.output, ...more];
  return `${programOf(context)} ${words.map(shellWord).join(' ')}`;
}

/** `gate release`. */
export async function releaseClaim(context: CommandContext, given: string, options: GateOptions): Promise<void> {
  const output = context.output();
  await withDesk(context, given, options, async ({ desk, run_id }) => {
    const claim = await releaseGate(desk, { run_id, gate: options.gate ?? null });
    output.say(claim === null ? 'There is no claim.' : `The claim of ${printableLine(claim.claimant)} has ended.`);
    output.emit({ run_id, released: claim });
  });
}

interface SubmitOptions extends DeskOptions {
  readonly gate: GateId;
  readonly output: string;
  readonly patch?: string | undefined;
  readonly submitFailing?: true | undefined;
}

/** `gate submit`. */
export async function submitOutput(context: CommandContext, given: string, options: SubmitOptions): Promise<void> {
  const { gate, patch, submitFailing = false } = options;
  const submission = {
    gate,
    output: (await readGiven(context, '--output', options.output)).toString('utf8'),
    patch: patch === undefined ? null : await readGiven(context, '--patch', patch),
    submit_failing: submitFailing,
  };
  const answer = await withDesk(context, given, options, ({ desk, run_id }) =>
    submitGate(desk, { run_id, ...submission }),
  );
  showAnswer(context, answer);
  if (answer.kind === 'failing') context.exit(1);
}

/** Of an output or a patch: as much as a request to `promptos mcp --http` may have. */
const MOST_MIB = 64;

/** @throws PromptOsError FILE_NOT_READABLE, also for what is no file: a device may have no end */
async function readGiven({ cwd }: CommandContext, option: string, path: string): Promise<Buffer> {
  const file = resolve(cwd, path);
  const refused = (text: string, cause?: unknown) =>
    new PromptOsError('FILE_NOT_READABLE', `${option}: expected ${text}.`, { cause });
  const found = await stat(file).catch((cause: unknown) => {
    throw refused(`a file, received ${file} (${messageOf(cause)})`, cause);
  });
  if (!found.isFile()) throw refused(`a file, received ${file}, which is none`);
  if (found.size > MOST_MIB * 1_048_576)
    throw refused(`at most ${MOST_MIB} MiB, received ${file} of ${found.size} bytes`);
  return readFile(file).catch((cause: unknown) => {
    throw refused(`a file, received ${file} (${messageOf(cause)})`, cause);
  });
}

function showAnswer(context: CommandContext, { kind, result, ...more }: SubmissionAnswer): void {
  const output = context.output();
  const { gate, attempt, verdict, reason, findings, output_sha256 } = result;
  for (const finding of findings) output.say(`        ${describeFinding(finding)}`);
  if (kind === 'failing') {
    const blocking = findings.filter((finding) => finding.blocking).length;
    output.say(`not submitted: ${gate} fails by ${counted(blocking, 'blocking finding')}`);
    output.say('        Correct it and submit it again, or add --submit-failing to have it recorded as it is.');
  } else {
    const before = 'before' in more && more.before;
    output.say(
      before
        ? `${gate}, attempt ${attempt}, was submitted before, and that output counts; the run was notified again`
        : `submitted ${gate}, attempt ${attempt}`,
    );
    output.say(`verdict ${verdict}${reason === null ? '' : `: ${printableLine(reason, 1_000)}`}`);
    output.say(`record  sha256:${output_sha256}`);
  }
  output.emit({ submitted: kind === 'submitted', ...more, ...result });
}

/** Who works at a desk. */
export interface DeskOptions {
  readonly as: string;
  readonly key?: string | undefined;
  /** The user and the machine when absent. */
  readonly claimant?: string | undefined;
  /** Where folders of gates are made; the project's state folder when absent. */
  readonly dir?: string | undefined;
}

/** A desk, and the id of the run that the command names. */
export interface OpenedDesk {
  readonly desk: GateDesk;
  readonly run_id: string;
}

/**
 * Opens a desk over the project's worker config, does the work, and closes the connection. Without `--key`, a key of the
 * principal in the worker config is used before those of people.
 * @throws PromptOsError WORKER_CONFIG_NOT_FOUND, RUN_NOT_FOUND, RUN_AMBIGUOUS, SERVER_NOT_RUNNING, TEMPORAL_UNREACHABLE, and what
 *   the worker's adapters fail with
 */
export async function withDesk<T>(
  context: CommandContext,
  given: string,
  options: DeskOptions,
  work: (opened: OpenedDesk) => Promise<T>,
): Promise<T> {
  const claimant = options.claimant ?? defaultClaimant();
  if (claimant === '' || claimant.length > MAX_CLAIMANT || /\p{Cc}/u.test(claimant)) {
    throw new PromptOsError('USAGE', `--claimant: expected a name on one line of at most ${MAX_CLAIMANT} characters.`);
  }
  return withRuns(context, async (session) => {
    const run = await selectRun(given, session);
    announceRun(run, context.output());
    const { setting } = await requireSetting(session.project);
    const launcher = createLauncher(setting.env.PATH);
    try {
      const { signers, ...ports } = await createPorts(withOwnKey(setting, options), launcher);
      const { as, dir } = options;
      const desk: GateDesk = {
        ports,
        runs: createHandedOffRuns(session.temporal.client, session.store),
        principal: as,
        signer: async (sha256) => signers.forPrincipal(as) ?? (await keyOfPerson(context, session, options, sha256)),
        claimant,
        folder: dir === undefined ? join(setting.stateDir, 'gates') : resolve(context.cwd, dir),
        files: { makeFolders, copyCheckout, replaceFiles, sealFolder, writtenSince },
        signal: new AbortController().signal,
        say: (activity) => context.output().note(`        ${activity}`),
      };
      return await work({ run_id: run.run_id, desk }).finally(() => tidy(context, desk));
    } finally {
      await launcher.close();
    }
  });
}

/** Says what was removed, and what was not; that it fails is no failure of the work. */
async function tidy(context: CommandContext, desk: GateDesk): Promise<void> {
  const { note } = context.output();
  try {
    for (const folder of await removeStaleFolders(desk)) note(describeStale(folder));
  } catch (error) {
    note(`folders of gates were not looked through: ${printableLine(messageOf(error))}`);
  }
}

/** Files that are named. */
const NAMED = 3;

function describeStale({ folder, why, written, removed }: StaleFolder): string {
  const place = printableLine(folder, 1_000);
  if (removed) return `removed ${place}: ${why}, and nothing was written in it`;
  if (written === null) return `kept ${place}: ${why}, and it is not known whether it has work that was not submitted`;
  if (written.length === 0) return `kept ${place}: ${why}, and it cannot be removed`;
  const named = written.slice(0, NAMED).map((path) => printableLine(path));
  const more = written.length > NAMED ? ` and ${written.length - NAMED} more` : '';
  return `kept ${place}: ${why}, and what was written in it was not submitted: ${named.join(', ')}${more}`;
}

/** Keys of others, and those that `--key` replaces, are not needed here, and need not be on this machine. */
function withOwnKey(setting: WorkerSetting, { as: principal, key }: DeskOptions): WorkerSetting {
  const signer = key === undefined ? own(setting.config.signers, principal) : undefined;
  return { ...setting, config: { ...setting.config, signers: signer === undefined ? {} : { [principal]: signer } } };
}

async function keyOfPerson(
  context: CommandContext,
  { project, store }: OpenedRuns,
  { as: principal, key }: DeskOptions,
  policySha256: string,
): Promise<Signer> {
  const policy = await readRunPolicy(store, policySha256, await projectPolicies(project));
  const policyKeys = (own(policy.principals, principal)?.keys ?? []).map(pinKey);
  if (policyKeys.length === 0) {
    throw new PromptOsError(
      'KEY_NOT_FOUND',
      `The run's policy lists no key for "${principal}", and a gate that is done elsewhere must be signed.`,
      { hint: 'Have the policy list a key of this principal, and start another run.' },
    );
  }
  return openSigner(context, { principal, key: key ?? keyOfProject(principal, projectKeys(project)), policyKeys });
}

/** Such as `ada@laptop`. */
function defaultClaimant(): string {
  const name = (() => {
    try {
      return userInfo().username;
    } catch {
      // A user id without an entry in the system's list, as in containers.
      return `${process.getuid?.() ?? 'user'}`;
    }
  })();
  return `${name}@${hostname()}`.slice(0, MAX_CLAIMANT);
}
