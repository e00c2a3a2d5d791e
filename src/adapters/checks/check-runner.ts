import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PassedEnvironment } from '../../contracts/config/program-environment.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { Content } from '../../contracts/long-bytes.js';
import type { NetworkAccess } from '../../contracts/network-access.js';
import { counted, withinSentence } from '../../contracts/sentences.js';
import type { CheckCall, CheckOutcome, CheckRunner } from '../../ports/gate-executor.js';
import { createLauncher } from '../platform/launcher.js';
import { explainNotStarted } from '../platform/not-started.js';
import { type Environment, passVariables, pathsNamed } from '../platform/pass-variables.js';
import { maskAsked, maskPassedIn, maskWatched } from '../platform/passed-secrets.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { type ProgramResult, runTalkative } from '../platform/run-program.js';
import { type Scratch, withScratch } from '../platform/scratch.js';
import type { CheckCaches, OpenedCaches } from './check-caches.js';
import { readTestReport, reportIsThere } from './test-report.js';

const PLAIN: PassedEnvironment = { allow: ['PATH', 'LANG', 'LC_ALL', 'TMPDIR'], set: {} };
/** 64 MiB over both outputs: logs of that size are real, and are kept whole. */
const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1_024 * 1_024;

export interface CheckRunnerOptions {
  /** Names of the checks that may run on this worker; `*` for all of them. */
  readonly allow: readonly string[];
  readonly env: Environment;
  /** What a check sees of it, and what is added: PATH, LANG, LC_ALL and TMPDIR when absent. */
  readonly passed?: PassedEnvironment;
  /** Absolute folder in which each check gets a fresh HOME; the system's temporary folder when absent. */
  readonly scratchRoot?: string;
  /** Over both outputs together: a check that prints more is stopped, and fails. 64 MiB when absent. */
  readonly maxOutputBytes?: number;
  /** Where downloads of earlier checks come from; without it every check starts with empty caches. */
  readonly caches?: CheckCaches;
  /** What checks may reach of the network, where a sandbox starts them; nothing when absent. */
  readonly network?: NetworkAccess;
  /** What starts the checks, such as a launcher that the worker's executors share; a launcher of their own when absent. */
  readonly programs?: ProgramStarter | undefined;
}

const NO_CACHES: OpenedCaches = { env: {}, keep: async () => undefined };

/** Runs checks as the policy has them, as far as this worker's config grants them by name. */
export function createCheckRunner(options: CheckRunnerOptions): CheckRunner {
  const {
    caches,
    allow,
    env,
    passed = PLAIN,
    scratchRoot = tmpdir(),
    maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES,
    network = 'none',
    programs = createLauncher(env.PATH),
  } = options;
  return {
    sandbox: programs.kind ?? 'none',
    laysUnder: programs.laysUnder?.ok === true,
    run: async (call) => {
      if (!allow.includes('*') && !allow.includes(call.name)) throw notGranted(call.name, allow);
      const stale = call.report === undefined ? null : await reportIsThere(call.directory, call.report);
      if (stale !== null) return notStarted(stale);
      return withScratch(scratchRoot, programs, async (scratch) => {
        const opened =
          call.cache === undefined || caches === undefined
            ? NO_CACHES
            : await caches.open(call.directory, join(scratch.root, 'cache'), call.cache);
        const granted = checkEnvironment(env, passed, scratch, opened);
        const environment = { ...granted, ...call.env };
        const result = await runTalkative(programs, {
          argv: call.argv,
          env: environment,
          mark: `HOME=${scratch.home}`,
          cwd: call.directory,
          timeout_ms: call.timeout_ms,
          max_output_bytes: maxOutputBytes,
          max_stderr_bytes: maxOutputBytes,
          scratch: scratch.root,
          outputs: scratchRoot,
          // What the policy sets shows nothing of this machine.
          reach: {
            readable: pathsNamed(granted, Object.keys(passed.set)),
            writable: [scratch.root],
            network: call.network ?? network,
            laidUnder: call.laidUnder,
          },
          signal: call.signal,
          watch: call.watch && maskWatched(granted, call.watch),
        });
        if (result.kind === 'ended' && result.ended_by === 'itself') await opened.keep();
        if (result.kind === 'ended') {
          const outcome = await withCounts(call, judge(call, result, maxOutputBytes));
          // What is kept of it is published. What the policy sets is no secret.
          const mask = maskPassedIn(granted, scratchRoot);
          const network = maskAsked(granted)(outcome.network);
          return { ...outcome, stdout: await mask(outcome.stdout), stderr: await mask(outcome.stderr), network };
        }
        const { code } = result;
        const [program = ''] = call.argv;
        return notStarted(
          explainNotStarted({ code, program, directory: call.directory, path: environment.PATH }).reason,
        );
      });
    },
  };
}

const checkEnvironment = (
  env: Environment,
  { allow, set }: PassedEnvironment,
  scratch: Scratch,
  caches: OpenedCaches,
): Record<string, string> => ({
  HOME: scratch.home,
  CI: 'true',
  ...caches.env,
  ...passVariables(env, allow),
  ...set,
});

/** Adds what the report counts. A check that passed without a report that can be counted has not proved its tests. */
async function withCounts(call: CheckCall, outcome: CheckOutcome): Promise<CheckOutcome> {
  if (call.report === undefined) return outcome;
  const read = await readTestReport(call.directory, call.report, outcome.stdout);
  if (read.ok) return { ...outcome, tests: read.tests };
  return outcome.status === 'passed' ? { ...outcome, status: 'failed', reason: read.problem } : outcome;
}

function judge(
  call: CheckCall,
  result: Extract<ProgramResult<Content>, { readonly kind: 'ended' }>,
  maxOutputBytes: number,
): CheckOutcome {
  const { exit_code, signal, duration_ms, stdout, stderr, network } = result;
  const seen = { exit_code, signal, duration_ms, stdout, stderr, network, tests: null };
  if (result.ended_by === 'itself') return { ...seen, status: exit_code === 0 ? 'passed' : 'failed', reason: null };
  if (result.ended_by === 'timeout') {
    const reason = `it ran longer than ${call.timeout_ms / 1_000} s and was stopped`;
    return { ...seen, status: 'timed_out', reason };
  }
  if (result.limit !== null) return { ...seen, status: 'failed', reason: `it was stopped: ${result.limit}` };
  return {
    ...seen,
    status: 'failed',
    reason: `it printed more than ${counted(maxOutputBytes, 'byte')} and was stopped`,
  };
}

function notStarted(reason: string): CheckOutcome {
  return {
    status: 'not_started',
    exit_code: null,
    signal: null,
    duration_ms: 0,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    reason: withinSentence(reason),
    tests: null,
  };
}

function notGranted(name: string, allow: readonly string[]): PromptOsError {
  return new PromptOsError(
    'CHECK_NOT_GRANTED',
    `This worker does not grant the check "${name}"; granted: ${[...allow].sort().join(', ') || 'none'}.`,
  );
}
