import type { TemporalConnection } from '../../config/environment.js';
import { type PolicyFile, readPolicy } from '../../config/policy-file.js';
import type { ProjectFiles } from '../../config/project-files.js';
import { readWorkerConfig } from '../../config/worker-config-file.js';
import { ENGINE_SIGNER } from '../../contracts/config/signer-config.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import type { PinnedKey } from '../../contracts/keys.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { pinKey, pinKeys } from '../../domain/judge/authenticate.js';
import type { RunQueue } from '../app/connect.js';

/** `warn`: runs are possible, but something is not as it should be. */
export type ProbeStatus = 'ok' | 'warn' | 'fail';

export interface ProbeResult {
  readonly status: ProbeStatus;
  /** What was found, in one line or a few. */
  readonly message: string;
  /** What to do about it; absent when all is well. */
  readonly next?: string;
  /** What could not be read, for a probe that did not look for that reason; its own probe says what is wrong. */
  readonly unread?: string;
}

/** One thing that must be right for runs to work. Probes do not depend on each other's results. */
export type Probe = (setting: ProbeSetting) => Promise<ProbeResult>;

export interface ProbeReport extends ProbeResult {
  readonly name: string;
}

/** What the doctor must know of Temporal. A parameter, so that tests need no server. */
export interface TemporalProbes {
  /** A usable Temporal CLI, or null when it would be fetched at the first start. Downloads nothing. */
  findBinary(): Promise<{ readonly path: string; readonly version: string } | null>;
  /** The address of the embedded server of a state folder, or null when none runs. */
  findServer(stateDir: string): Promise<{ readonly address: string; readonly ui_url: string } | null>;
  /** Resolves when the server answers and knows the namespace. @throws PromptOsError TEMPORAL_UNREACHABLE */
  reach(connection: TemporalConnection): Promise<void>;
  /** How many workers poll a queue. @throws PromptOsError TEMPORAL_UNREACHABLE */
  pollers(connection: TemporalConnection, queue: Pick<RunQueue, 'name' | 'type'>): Promise<number>;
}

export interface ProbeSetting {
  readonly files: ProjectFiles;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the prompt pack that runs would use. */
  readonly pack: string;
  readonly temporal: TemporalProbes;
}

export const ok = (message: string): ProbeResult => ({ status: 'ok', message });
export const warn = (message: string, next: string): ProbeResult => ({ status: 'warn', message, next });
export const fail = (message: string, next: string): ProbeResult => ({ status: 'fail', message, next });

/** Thrown by a probe that needs what another one found broken. */
export class NotLookedAt extends Error {}

/**
 * Runs every probe, whatever becomes of the others.
 * @returns the reports in the order of the probes; an unexpected error is a failed probe too
 */
export const runProbes = (
  setting: ProbeSetting,
  probes: Readonly<Record<string, Probe>>,
): Promise<readonly ProbeReport[]> =>
  Promise.all(
    Object.entries(probes).map(async ([name, probe]) => ({ name, ...(await probe(setting).catch(failedWith)) })),
  );

function failedWith(error: unknown): ProbeResult {
  if (error instanceof NotLookedAt) {
    const { message: unread } = error;
    return { ...warn(`Not looked at: the ${unread} cannot be read.`, `Put the ${unread} right first.`), unread };
  }
  if (!(error instanceof PromptOsError)) return fail(messageOf(error), 'Report this with what it says.');
  return fail(error.summary, error.message.slice(error.summary.length).trim());
}

/** Whoever reads it has its own probe, which says what is wrong with it. */
const unread = (what: string) => (): never => {
  throw new NotLookedAt(what);
};

export const readablePolicy = ({ files }: ProbeSetting): Promise<PolicyFile> =>
  readPolicy(files.policy).catch(unread('policy'));

export const readableWorker = ({ files }: ProbeSetting): Promise<WorkerConfig> =>
  readWorkerConfig(files.workerConfig).catch(unread('worker config'));

/** Null when its own probe says what is wrong with it. */
export const workerOrNull = (setting: ProbeSetting): Promise<WorkerConfig | null> =>
  readableWorker(setting).catch(() => null);

/**
 * The keys of a policy, by the names that a worker config gives their signers; without the names that have none.
 * @throws PromptOsError POLICY_INVALID
 */
export function listedKeys(policy: Policy): Readonly<Record<string, readonly PinnedKey[]>> {
  const engine = policy.engine.keys.map(pinKey);
  return { ...pinKeys(policy), ...(engine.length === 0 ? {} : { [ENGINE_SIGNER]: engine }) };
}
