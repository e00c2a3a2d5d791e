import type { BaselineCheck } from '../../contracts/gate-outputs.js';
import type { Check } from '../../contracts/policy.js';
import type { GovernancePorts } from '../../ports/index.js';
import type { BaselineKey } from '../../ports/kept-baselines.js';
import { logTail } from '../../prompt-pack/index.js';
import { maskLog } from '../mask-log.js';
import type { GateTask } from './gate-definition.js';
import { runOnFreshCheckout } from './run-check.js';

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
  const { status, exit_code, tests, reason, stdout, stderr } = outcome;
  const seen = {
    disturbed,
    check: {
      status,
      exit_code,
      tests,
      ...(reason === null ? {} : { reason }),
      name,
      argv: check.argv,
      stdout_tail: logTail(await maskLog(stdout)),
      stderr_tail: logTail(await maskLog(stderr)),
    },
  };
  // A program that is missing, and a time that ran out, say more of the machine and the moment than of the commit.
  if (status === 'passed' || status === 'failed') remember(task, name, seen);
  return seen;
}
