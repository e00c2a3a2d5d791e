import { PromptOsError } from '../../contracts/errors.js';
import { EXECUTOR_ROLES, type ExecutorRole, GATES } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { DueGate } from '../../contracts/run/activities.js';
import {
  attemptDuty,
  checkDuties,
  type ExecutorProcess,
  findClashes,
  handOffDescriptor,
} from '../../domain/judge/separation.js';
import type { ExecutorRegistry } from '../../ports/gate-executor.js';
import type { PinnedDocuments } from './pinned-documents.js';

/** Whether this worker leaves a principal's gates to be done elsewhere. */
export const isHandedOff = (executors: ExecutorRegistry, principal: string): boolean =>
  (executors.handOff?.(principal) ?? null) !== null;

/** The executor of a principal, or null when another worker has it. */
function knownExecutor(
  executors: ExecutorRegistry,
  principal: string,
  policy: Pick<Policy, 'principals'>,
): ExecutorProcess | null {
  if (isHandedOff(executors, principal)) return handOffDescriptor(principal, policy);
  try {
    return executors.forPrincipal(principal).descriptor;
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'EXECUTOR_NOT_CONFIGURED') return null;
    throw error;
  }
}

/**
 * The executors of a policy's roles that this worker knows of. Workers of single roles know their own only, so that the
 * rest shows when a gate is dispatched.
 */
export function knownExecutors(
  executors: ExecutorRegistry,
  policy: Pick<Policy, 'roles' | 'principals'>,
): Partial<Record<ExecutorRole, ExecutorProcess>> {
  const known: Partial<Record<ExecutorRole, ExecutorProcess>> = {};
  for (const role of EXECUTOR_ROLES) {
    const executor = knownExecutor(executors, policy.roles[role], policy);
    if (executor !== null) known[role] = executor;
  }
  return known;
}

/**
 * At dispatch: the executor that is about to do a gate against those that did the gates whose outputs it is given.
 * @throws PromptOsError DUTIES_CLASH, and what the documents' reader throws
 */
export async function checkDispatchedDuty(
  documents: PinnedDocuments,
  { gate, principal, inputs }: DueGate,
  executor: ExecutorProcess,
  policy: Policy,
): Promise<void> {
  const { role } = GATES[gate];
  const earlier = await Promise.all(Object.values(inputs).map((sha256) => documents.attempt(sha256)));
  const own = { duty: role, principal, keyids: [], executor };
  // Each earlier duty against this one alone: clashes among themselves were reported when they were dispatched.
  checkDuties(earlier.flatMap((record) => findClashes([attemptDuty(record), own], policy.separation)));
}
