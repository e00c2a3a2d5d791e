import type { CheckBaseline, CheckResult } from '../../contracts/gate-outputs.js';
import type { Check } from '../../contracts/policy.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { CommandWatch } from '../../ports/command-watch.js';
import type { CheckOutcome } from '../../ports/gate-executor.js';
import type { TreeWatch } from '../../ports/workspace.js';
import { logTail } from '../../prompt-pack/index.js';
import { maskBytes } from '../../rules/mask-secrets.js';
import { judgeCounts } from '../../rules/test-counts.js';
import { criteriaOf, type GateTask } from './gate-definition.js';

/** A check that was run, and the ends of what it printed. */
export interface ObservedCheck {
  readonly result: CheckResult;
  readonly stdout_tail: string;
  readonly stderr_tail: string;
}

export interface ObservedChecks {
  readonly checks: readonly ObservedCheck[];
  readonly logs: readonly ArtifactRef[];
}

/** Names of the checks that prove a run: those of the request and of every criterion, each once. */
export const checkNames = (task: GateTask): readonly string[] => [
  ...new Set([...task.request.checks, ...criteriaOf(task).flatMap(({ check }) => check ?? [])]),
];

const NOTHING = new Uint8Array();

/** A criterion that was added may name a check that the policy lacks; P01 said so, and here it proves nothing. */
const unknownCheck = (name: string): CheckOutcome => ({
  status: 'not_started',
  exit_code: null,
  signal: null,
  duration_ms: 0,
  stdout: NOTHING,
  stderr: NOTHING,
  reason: `the policy has no check "${name}"`,
  tests: null,
});

interface SeenCheck {
  readonly outcome: CheckOutcome;
  /** Whether what it tested was another tree than that of its commit and the patch. */
  readonly disturbed: boolean;
}

async function seenOnTree(watch: TreeWatch, outcome: CheckOutcome): Promise<SeenCheck> {
  const changes = await watch.changes();
  if (changes.length === 0) return { outcome, disturbed: false };
  const reason = `tracked files changed while it ran, by the check itself or by another process, so that it tested another tree: ${changes.join('; ')}`;
  const status = outcome.status === 'passed' ? 'failed' : outcome.status;
  return { outcome: { ...outcome, status, reason }, disturbed: true };
}

/** What people hear of a check while it runs. Its outputs are named as they are kept; those on the base are not. */
const watchCheck = (progress: GateTask['progress'], name: string, patch: Uint8Array): CommandWatch =>
  patch.length === 0
    ? progress.command(`check ${name} on the base commit`, (output) => `base/${name}.${output}.txt`)
    : progress.command(`check ${name}`, (output) => `evidence/checks/${name}.${output}.txt`);

/** Runs one check on a checkout of its own, so that nothing which an earlier one left can help or harm it. */
async function runOnFreshCheckout(
  { input, ports, signal, progress }: GateTask,
  patch: Uint8Array,
  name: string,
  { argv, timeout, report }: Check,
): Promise<SeenCheck> {
  const { target_repo: repository, base_commit: commit } = input.run;
  const checkout = await ports.workspace.checkout({ repository, commit, patch, signal });
  try {
    const { directory } = checkout;
    const watch = await checkout.watch();
    const call = { name, argv, timeout_ms: timeout, directory, report, signal };
    const outcome = await ports.checks.run({ ...call, watch: watchCheck(progress, name, patch) });
    return await seenOnTree(watch, outcome);
  } finally {
    // What is left is removed when a worker next starts; the check's outcome counts.
    await checkout.discard().catch(() => undefined);
  }
}

/**
 * Runs the check on the base commit as well: holds the counts of its report against the base's, and learns of a check that
 * failed whether the patch broke it.
 */
async function compareWithBase(
  task: GateTask,
  name: string,
  check: Check,
  outcome: CheckOutcome,
): Promise<{ readonly outcome: CheckOutcome; readonly baseline?: CheckBaseline }> {
  const failed = outcome.status === 'failed';
  if (!failed && (outcome.status !== 'passed' || outcome.tests === null)) return { outcome };
  const base = await runOnFreshCheckout(task, NOTHING, name, check);
  const { status, exit_code, tests, reason } = base.outcome;
  const baseline: CheckBaseline = { status, exit_code, tests, ...(reason === null ? {} : { reason }) };
  if (failed || outcome.tests === null) return { outcome, baseline };
  const problem = base.disturbed ? `on the base commit, ${reason}` : judgeCounts(outcome.tests, baseline);
  return { outcome: problem === null ? outcome : { ...outcome, status: 'failed', reason: problem }, baseline };
}

/** One check of the policy with everything that proves it. */
async function prove(task: GateTask, patch: Uint8Array, name: string) {
  const { checks } = task.policy;
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check === undefined) return { argv: [], outcome: unknownCheck(name) };
  const { outcome } = await runOnFreshCheckout(task, patch, name, check);
  return { argv: check.argv, ...(await compareWithBase(task, name, check, outcome)) };
}

/**
 * Runs the named checks one after the other on the base plus the patch, and puts their logs into the store.
 * @throws PromptOsError CHECK_NOT_GRANTED, and what the workspace throws
 */
export async function runChecks(task: GateTask, patch: Uint8Array, names: readonly string[]): Promise<ObservedChecks> {
  const checks: ObservedCheck[] = [];
  const logs: ArtifactRef[] = [];
  for (const name of names) {
    const { argv, outcome, baseline } = await prove(task, patch, name);
    const stdout = maskBytes(outcome.stdout);
    const stderr = maskBytes(outcome.stderr);
    const path = `evidence/checks/${name}`;
    const stdoutLog = await task.putArtifact(`${path}.stdout.txt`, stdout, 'text/plain');
    const stderrLog = await task.putArtifact(`${path}.stderr.txt`, stderr, 'text/plain');
    logs.push(stdoutLog, stderrLog);
    const result: CheckResult = {
      name,
      argv: [...argv],
      status: outcome.status,
      exit_code: outcome.exit_code,
      signal: outcome.signal,
      duration_ms: Math.round(outcome.duration_ms),
      stdout_sha256: stdoutLog.sha256,
      stdout_bytes: stdoutLog.bytes,
      stderr_sha256: stderrLog.sha256,
      stderr_bytes: stderrLog.bytes,
      ...(outcome.reason === null ? {} : { reason: outcome.reason }),
      ...(outcome.tests === null ? {} : { tests: outcome.tests }),
      ...(baseline === undefined ? {} : { baseline }),
    };
    checks.push({ result, stdout_tail: logTail(stdout), stderr_tail: logTail(stderr) });
  }
  return { checks, logs };
}
