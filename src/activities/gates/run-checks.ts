import type { CheckResult } from '../../contracts/gate-outputs.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { CheckOutcome } from '../../ports/gate-executor.js';
import { logTail } from '../../prompt-pack/index.js';
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
});

/** Runs one check on a checkout of its own, so that nothing which an earlier one left can help or harm it. */
async function runOnFreshCheckout({ input, ports, policy, signal }: GateTask, patch: Uint8Array, name: string) {
  const check = Object.hasOwn(policy.checks, name) ? policy.checks[name] : undefined;
  if (check === undefined) return { argv: [], outcome: unknownCheck(name) };
  const { target_repo: repository, base_commit: commit } = input.run;
  const checkout = await ports.workspace.checkout({ repository, commit, patch, signal });
  try {
    const { argv, timeout } = check;
    const { directory } = checkout;
    return { argv, outcome: await ports.checks.run({ name, argv, timeout_ms: timeout, directory, signal }) };
  } finally {
    // What is left is removed when a worker next starts; the check's outcome counts.
    await checkout.discard().catch(() => undefined);
  }
}

/**
 * Runs the named checks one after the other on the base plus the patch, and puts their logs into the store.
 * @throws PromptOsError CHECK_NOT_GRANTED, and what the workspace throws
 */
export async function runChecks(task: GateTask, patch: Uint8Array, names: readonly string[]): Promise<ObservedChecks> {
  const checks: ObservedCheck[] = [];
  const logs: ArtifactRef[] = [];
  for (const name of names) {
    const { argv, outcome } = await runOnFreshCheckout(task, patch, name);
    const { stdout, stderr } = outcome;
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
    };
    checks.push({ result, stdout_tail: logTail(stdout), stderr_tail: logTail(stderr) });
  }
  return { checks, logs };
}
