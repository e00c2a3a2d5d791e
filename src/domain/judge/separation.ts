import { PromptOsError } from '../../contracts/errors.js';
import { canonicalSha256, own } from '../../contracts/json.js';
import { EXECUTOR_ROLES, type ExecutorRole } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { AttemptRecord, ExecutorDescriptor } from '../../contracts/record/attempt.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { sameName } from './authority.js';

/** A party with a duty in a run: who, with which keys, through which program. */
export interface Duty {
  /** A role, or `engine`. */
  readonly duty: ExecutorRole | 'integrator' | 'engine';
  /** Null for the engine, which is no principal. */
  readonly principal: string | null;
  readonly keyids: readonly string[];
  /** Null where a person acts, or where no executor is known yet. */
  readonly executor: ExecutorProcess | null;
}

/** The kind of an executor whose gates are done elsewhere. */
const HAND_OFF = 'handoff';

/** What distinguishes one executor process from another. */
export type ExecutorProcess = Pick<ExecutorDescriptor, 'kind' | 'program' | 'arguments_sha256'>;

/** What the policy asks to be disjoint beside principals and keys. */
export type SeparationRules = RunPlan['separation'];

/** Two duties that are not separate. */
export interface DutiesClash {
  /** `unknown_executor`: where a gate is done elsewhere by a program that is not known, none is known to be another. */
  readonly kind: 'principal' | 'key' | 'executor' | 'unknown_executor';
  readonly duties: readonly [Duty['duty'], Duty['duty']];
  /** The principal, the key or the executor that both have. */
  readonly shared: string;
}

const processName = ({ kind, program, arguments_sha256 }: ExecutorProcess): string =>
  `${kind} ${program} with arguments sha256:${arguments_sha256}`;

/** Of an agent whose gates are handed off nothing is known but its name. */
const isUnknownProgram = ({ kind, program }: ExecutorProcess): boolean => kind === HAND_OFF && program === 'agent';

/**
 * How a record names the executor of a gate that is done elsewhere. A person is an executor of their own, so the principal's
 * name is what distinguishes one from another.
 */
export const handOffDescriptor = (
  principal: string,
  { principals }: Pick<Policy, 'principals'>,
): ExecutorDescriptor => ({
  kind: HAND_OFF,
  principal,
  program: own(principals, principal)?.kind === 'human' ? 'person' : 'agent',
  arguments_sha256: canonicalSha256([principal]),
  requested_model: null,
  served_model: null,
  sandbox: 'elsewhere',
});

/** Which duties of a run share what they must not: pairwise, each pair named once for each thing that it shares. */
export function findClashes(duties: readonly Duty[], rules: SeparationRules): readonly DutiesClash[] {
  const clashes: DutiesClash[] = [];
  for (const [index, one] of duties.entries()) {
    for (const other of duties.slice(index + 1)) {
      const clash = (kind: DutiesClash['kind'], shared: string) =>
        clashes.push({ kind, duties: [one.duty, other.duty], shared });
      const samePrincipal =
        one.principal !== null && other.principal !== null && sameName(one.principal, other.principal);
      if (samePrincipal && one.duty !== other.duty) clash('principal', one.principal ?? '');
      // Two integrators with one key would be one voice counted twice.
      if (!(samePrincipal && one.duty === other.duty)) {
        for (const keyid of one.keyids.filter((keyid) => other.keyids.includes(keyid))) clash('key', keyid);
      }
      if (rules.executors === 'any' || one.duty === other.duty) continue;
      if (one.executor === null || other.executor === null) continue;
      const unknown = [one, other].find(({ executor }) => executor !== null && isUnknownProgram(executor));
      if (unknown !== undefined) {
        clash('unknown_executor', unknown.principal ?? '');
        continue;
      }
      const name = processName(one.executor);
      if (name === processName(other.executor)) clash('executor', name);
    }
  }
  return clashes;
}

/** One sentence for a person. */
export const describeClash = ({ kind, duties: [one, other], shared }: DutiesClash): string =>
  kind === 'unknown_executor'
    ? `${one} and ${other} must have different executors, and the program of ${shared}, an agent whose gates are handed off, is not known`
    : `${one} and ${other} share ${kind === 'key' ? 'the key' : kind === 'principal' ? 'the principal' : 'the executor'} ${shared}`;

/** @throws PromptOsError DUTIES_CLASH */
export function checkDuties(clashes: readonly DutiesClash[]): void {
  if (clashes.length === 0) return;
  throw new PromptOsError('DUTIES_CLASH', `The duties are not separate: ${clashes.map(describeClash).join('; ')}.`);
}

/** The duties that a plan hands out. `executors` are those that are known, `engineKeyids` the keys that the policy gives the engine. */
export function plannedDuties(
  { principals, integrators, keys }: Pick<RunPlan, 'principals' | 'integrators' | 'keys'>,
  executors: Partial<Record<ExecutorRole, ExecutorProcess>> = {},
  engineKeyids: readonly string[] = [],
): readonly Duty[] {
  const keyids = (principal: string) => (own(keys, principal) ?? []).map(({ keyid }) => keyid);
  return [
    ...EXECUTOR_ROLES.map((role) => ({
      duty: role,
      principal: principals[role],
      keyids: keyids(principals[role]),
      executor: executors[role] ?? null,
    })),
    ...integrators.map((principal) => ({
      duty: 'integrator' as const,
      principal,
      keyids: keyids(principal),
      executor: null,
    })),
    ...(engineKeyids.length === 0
      ? []
      : [{ duty: 'engine' as const, principal: null, keyids: engineKeyids, executor: null }]),
  ];
}

/** The duty that an attempt really was, as its record says. */
export const attemptDuty = ({
  role,
  principal,
  executor,
}: Pick<AttemptRecord, 'role' | 'principal' | 'executor'>): Duty => ({
  duty: role,
  principal,
  keyids: [],
  executor,
});

/**
 * Which duties of a finished run clash: those of its plan, and those that its attempts really were, void ones too.
 * For the verifier; the engine asks the same at the start and before each gate.
 */
export const judgeSeparation = (
  plan: Pick<RunPlan, 'principals' | 'integrators' | 'keys' | 'separation'>,
  attempts: readonly Pick<AttemptRecord, 'role' | 'principal' | 'executor'>[],
  engineKeyids: readonly string[] = [],
): readonly DutiesClash[] => {
  const found = findClashes([...plannedDuties(plan, {}, engineKeyids), ...attempts.map(attemptDuty)], plan.separation);
  const seen = new Set<string>();
  return found.filter(({ kind, duties, shared }) => {
    const key = `${kind} ${[...duties].sort().join()} ${shared}`;
    return seen.has(key) ? false : seen.add(key);
  });
};
