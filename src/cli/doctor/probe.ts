import { dirname } from 'node:path';
import { type PolicyFile, readPolicy } from '../../config/policy-file.js';
import type { ProjectFiles } from '../../config/project-files.js';
import { readWorkerConfig } from '../../config/worker-config-file.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import type { WorkerConfig } from '../../contracts/worker-config.js';

/** `warn`: runs are possible, but something is not as it should be. */
export type ProbeStatus = 'ok' | 'warn' | 'fail';

export interface ProbeResult {
  readonly status: ProbeStatus;
  /** What was found, in one line or a few. */
  readonly message: string;
  /** What to do about it; absent when all is well. */
  readonly next?: string;
}

/** One thing that must be right for runs to work. Probes do not depend on each other's results. */
export interface Probe {
  readonly name: string;
  run(): Promise<ProbeResult>;
}

export interface ProbeReport extends ProbeResult {
  readonly name: string;
}

export interface ProbeSetting {
  readonly files: ProjectFiles;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the prompt pack that runs would use. */
  readonly pack: string;
}

export const ok = (message: string): ProbeResult => ({ status: 'ok', message });
export const warn = (message: string, next: string): ProbeResult => ({ status: 'warn', message, next });
export const fail = (message: string, next: string): ProbeResult => ({ status: 'fail', message, next });

/** A failed probe in the words of the catalogue. */
const failedWith = (error: PromptOsError): ProbeResult =>
  fail(error.summary, error.message.slice(error.summary.length).trim());

/**
 * Runs every probe, whatever becomes of the others.
 * @returns the reports in the order of the probes; an unexpected error is a failed probe too
 */
export const runProbes = (probes: readonly Probe[]): Promise<readonly ProbeReport[]> =>
  Promise.all(
    probes.map(async ({ name, run }) => {
      try {
        return { name, ...(await run()) };
      } catch (error) {
        if (error instanceof PromptOsError) return { name, ...failedWith(error) };
        return {
          name,
          ...fail(messageOf(error), 'Report this with what it says.'),
        };
      }
    }),
  );

/** The policy, or null when its own probe says what is wrong with it. */
export const policyOrNull = ({ files }: ProbeSetting): Promise<PolicyFile | null> =>
  readPolicy(files.policy).catch(() => null);

/** The worker config and its folder, or null when its own probe says what is wrong with it. */
export const workerOrNull = async ({
  files,
}: ProbeSetting): Promise<{ readonly config: WorkerConfig; readonly folder: string } | null> => {
  const config = await readWorkerConfig(files.workerConfig).catch(() => null);
  return config && { config, folder: dirname(files.workerConfig) };
};

/** For a probe that needs what another one found broken. */
export const notLookedAt = (what: string): ProbeResult =>
  warn(`Not looked at: the ${what} cannot be read.`, `Put the ${what} right first.`);
