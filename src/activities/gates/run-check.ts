import type { BaselineCheck } from '../../contracts/answers/gate-outputs.js';
import { type Content, releaseContent } from '../../contracts/long-bytes.js';
import type { SandboxKind } from '../../contracts/names.js';
import type { Check } from '../../contracts/policy/policy-checks.js';
import { setupVariables } from '../../contracts/policy/policy-setup.js';
import type { BaselineKey, CheckOutcome, CommandWatch } from '../../ports/gate-executor.js';
import type { GovernancePorts } from '../../ports/index.js';
import type { TreeWatch } from '../../ports/workspace.js';
import { readLog } from '../logs/put-log.js';
import { criteriaOf, type GateTask } from './gate-definition.js';
import { setupOf } from './set-up.js';

/** What came of a check, and whether it tested another tree than that of its commit and the patch. */
export interface SeenCheck {
  readonly outcome: CheckOutcome;
  readonly disturbed: boolean;
}

/** What keeps the checks of this worker from the rest of its machine. */
export const checksSandbox = ({ checks }: Pick<GovernancePorts, 'checks'>): SandboxKind => checks.sandbox ?? 'none';

/** Names of the checks that prove a run: those of the request and of every criterion, each once. */
export const checkNames = (task: GateTask): readonly string[] => [
  ...new Set([...task.request.checks, ...criteriaOf(task).flatMap(({ check }) => check ?? [])]),
];

const NOTHING = new Uint8Array();

/** A check that was not run. */
export const notRun = (reason: string): CheckOutcome => ({
  status: 'not_started',
  exit_code: null,
  signal: null,
  duration_ms: 0,
  stdout: NOTHING,
  stderr: NOTHING,
  reason,
  tests: null,
});

/** Gives up the logs of a check. */
export const releaseLogs = ({ stdout, stderr }: Pick<CheckOutcome, 'stdout' | 'stderr'>): void => {
  for (const output of [stdout, stderr]) releaseContent(output);
};

/** The ends of logs that are kept no further. */
async function tailsOf(outcome: CheckOutcome): Promise<readonly [stdout: string, stderr: string]> {
  try {
    return [await readLog(outcome.stdout), await readLog(outcome.stderr)];
  } finally {
    releaseLogs(outcome);
  }
}

async function seenOnTree(watch: TreeWatch, outcome: CheckOutcome): Promise<SeenCheck> {
  const changes = await watch.changes();
  if (changes.length === 0) return { outcome, disturbed: false };
  const reason = `tracked files changed while it ran, by the check itself or by another process, so that it tested another tree: ${changes.join('; ')}`;
  const status = outcome.status === 'passed' ? 'failed' : outcome.status;
  return { outcome: { ...outcome, status, reason }, disturbed: true };
}

/** What people hear of a check while it runs. Its outputs are named as they are kept; those on the base are not. */
const watchCheck = (progress: GateTask['progress'], name: string, patch: Content): CommandWatch =>
  patch.byteLength === 0
    ? progress.command(`check ${name} on the base commit`, (output) => `base/${name}.${output}.txt`)
    : progress.command(`check ${name}`, (output) => `evidence/checks/${name}.${output}.txt`);

/**
 * Runs one check on a checkout of its own, so that nothing which an earlier one left can help or harm it.
 * @param patch empty for the base commit alone
 * @throws PromptOsError CHECK_NOT_GRANTED, SETUP_NOT_GRANTED, SETUP_FAILED, and what the workspace throws
 */
export async function runOnFreshCheckout(
  task: GateTask,
  patch: Content,
  name: string,
  { argv, timeout, report, env }: Check,
): Promise<SeenCheck> {
  const { input, ports, signal, progress } = task;
  const { target_repo: repository, base_commit: commit, policy_sha256 } = input.run;
  const checkout = await ports.workspace.checkout({
    ...{ repository, commit, patch, signal },
    setup: await setupOf(task),
    showsLaidUnder: ports.checks.laysUnder,
  });
  try {
    const { directory, laidUnder } = checkout;
    const watch = await checkout.watch();
    // Code that is only proposed must leave nothing for the checks of another patch.
    const cache = { repository, policy_sha256, keep: patch.byteLength === 0 };
    const variables = { ...setupVariables(task.policy.setup, directory), ...env };
    const call = { name, argv, env: variables, timeout_ms: timeout, directory, laidUnder, report, cache, signal };
    const outcome = await ports.checks.run({ ...call, watch: watchCheck(progress, name, patch) });
    return await seenOnTree(watch, outcome);
  } finally {
    // What is left is removed when a worker next starts; the check's outcome counts.
    await checkout.discard().catch(() => undefined);
  }
}

/** What a check did on the base commit. */
export interface BaseCheck {
  readonly check: BaselineCheck;
  /** Whether it tested another tree than the base commit's, so that nothing can be compared with it. */
  readonly disturbed: boolean;
}

/** Checks on base commits that one process remembers; the oldest go first. */
const REMEMBERED = 200;

/**
 * What this process itself saw, by its ports. No file holds it: an executor that runs as the worker's user could write
 * one, and the counts of a base commit decide whether a check has passed.
 */
const seenByProcess = new WeakMap<GovernancePorts, Map<string, BaseCheck>>();

export const baselineKey = ({ input }: GateTask, check: string): BaselineKey => {
  const { target_repo: repository, base_commit, policy_sha256 } = input.run;
  return { repository, base_commit, policy_sha256, check };
};

const memoryKey = ({ repository, base_commit, policy_sha256, check }: BaselineKey): string =>
  [repository, base_commit, policy_sha256, check].join('\n');

/** What this process saw of a check on the task's base commit, if it did. */
export const rememberedBase = (task: GateTask, name: string): BaseCheck | undefined =>
  seenByProcess.get(task.ports)?.get(memoryKey(baselineKey(task, name)));

function remember(task: GateTask, name: string, seen: BaseCheck): void {
  const memory = seenByProcess.get(task.ports) ?? new Map<string, BaseCheck>();
  seenByProcess.set(task.ports, memory);
  memory.set(memoryKey(baselineKey(task, name)), seen);
  if (memory.size > REMEMBERED) memory.delete(memory.keys().next().value as string);
}

/**
 * Runs a check on the task's base commit without any patch.
 * @throws PromptOsError CHECK_NOT_GRANTED, and what the workspace throws
 */
export async function runOnBase(task: GateTask, name: string, check: Check): Promise<BaseCheck> {
  const { outcome, disturbed } = await runOnFreshCheckout(task, new Uint8Array(), name, check);
  const { status, exit_code, tests, reason } = outcome;
  const [stdout_tail, stderr_tail] = await tailsOf(outcome);
  const seen = {
    disturbed,
    check: {
      status,
      exit_code,
      tests,
      ...(reason === null ? {} : { reason }),
      name,
      argv: check.argv,
      stdout_tail,
      stderr_tail,
      sandbox: checksSandbox(task.ports),
    },
  };
  // A program that is missing, and a time that ran out, say more of the machine and the moment than of the commit.
  if (status === 'passed' || status === 'failed') remember(task, name, seen);
  return seen;
}
