import type { CheckBaseline, CheckResult } from '../../contracts/gate-outputs.js';
import type { Check } from '../../contracts/policy.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { CheckOutcome } from '../../ports/gate-executor.js';
import { logTail } from '../../prompt-pack/index.js';
import { judgeCounts } from '../../rules/test-counts.js';
import { maskLog } from '../mask-log.js';
import { type BaseCheck, rememberedBase, runOnBase } from './base-check.js';
import type { GateTask } from './gate-definition.js';
import { notRun, runOnFreshCheckout } from './run-check.js';

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

/**
 * What the check does on the base commit, as this process saw it or sees it now: never as the writer's worker says. A
 * failure that was seen before answers for a failure alone; where a pass is held against counts, the base is run again.
 */
async function baseOf(task: GateTask, name: string, check: Check, failed: boolean): Promise<BaseCheck> {
  const known = rememberedBase(task, name);
  const answers = known !== undefined && (failed || (known.check.status === 'passed' && known.check.tests !== null));
  return answers ? known : runOnBase(task, name, check);
}

/**
 * Compares the check with the base commit: holds the counts of its report against the base's, and learns of a check that
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
  const base = await baseOf(task, name, check, failed);
  const { status, exit_code, tests, reason } = base.check;
  const baseline: CheckBaseline = { status, exit_code, tests, ...(reason === undefined ? {} : { reason }) };
  if (failed || outcome.tests === null) return { outcome, baseline };
  const problem = base.disturbed ? `on the base commit, ${reason}` : judgeCounts(outcome.tests, baseline);
  return { outcome: problem === null ? outcome : { ...outcome, status: 'failed', reason: problem }, baseline };
}

/** One check of the policy with everything that proves it. */
async function prove(task: GateTask, patch: Uint8Array, name: string) {
  const { checks } = task.policy;
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  // A criterion that was added may name a check that the policy lacks; P01 said so, and here it proves nothing.
  if (check === undefined) return { argv: [], outcome: notRun(`the policy has no check "${name}"`) };
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
    const stdout = await maskLog(outcome.stdout);
    const stderr = await maskLog(outcome.stderr);
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
