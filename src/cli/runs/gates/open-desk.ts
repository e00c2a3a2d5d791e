import { hostname, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { createLauncher } from '../../../adapters/platform/launcher.js';
import { copyCheckout, replaceFiles } from '../../../adapters/workspace/tree/copy-files.js';
import { sealFolder, writtenSince } from '../../../adapters/workspace/tree/written-since.js';
import { createHandedOffRuns } from '../../../client/handed-off.js';
import { messageOf, PromptOsError } from '../../../contracts/errors.js';
import { own } from '../../../contracts/json.js';
import { MAX_CLAIMANT } from '../../../contracts/run/gate-claim.js';
import { pinKey } from '../../../domain/judge/authenticate.js';
import type { GateDesk } from '../../../handoff/gate-desk.js';
import { removeStaleFolders, type StaleFolder } from '../../../handoff/stale-folders.js';
import type { Signer } from '../../../ports/signer.js';
import { createPorts, type WorkerSetting } from '../../../worker.js';
import type { CommandContext } from '../../app/context.js';
import { printableLine } from '../../app/printable.js';
import { projectKeys, projectPolicies, requireSetting } from '../../app/project.js';
import { announceRun, selectRun } from '../../app/select-run.js';
import { keyOfProject, openSigner, readRunPolicy } from '../../keys/signing.js';
import { type OpenedRuns, withRuns } from '../read/governed-runs.js';

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
        files: { copyCheckout, replaceFiles, sealFolder, writtenSince },
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
