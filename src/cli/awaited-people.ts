import type { GateId } from '../contracts/names.js';
import type { RunStatus } from '../contracts/run-status.js';

/** What a run of a listing waits for, and who may answer. */
export interface AwaitedPeople {
  readonly kind: 'decision' | 'resolution';
  /** Null for an escalation of the whole run. */
  readonly gate: GateId | null;
  /** Null where only the run's journal is known, which has no requests. */
  readonly request_id: string | null;
  /** The integrators whose answer can still count. */
  readonly of: readonly string[];
}

/** What decides who may answer: a run's plan, or its policy. */
interface Answerers {
  readonly integrators: readonly string[];
  readonly developer: string | null;
  readonly self_approval: 'refused' | 'allowed' | null;
}

/** Integrators who may answer a request that some have answered already. */
export const mayAnswer = (
  { integrators, developer, self_approval }: Answerers,
  answered: readonly string[],
): readonly string[] =>
  integrators.filter((name) => !answered.includes(name) && (name !== developer || self_approval === 'allowed'));

/** Everything that a run waits for, in the order of its status. */
export const awaitedPeople = (status: RunStatus): readonly AwaitedPeople[] =>
  status.awaiting.map((awaited) => ({
    kind: awaited.kind,
    gate: awaited.gate,
    request_id: awaited.request_id,
    of: mayAnswer(status, awaited.kind === 'decision' ? awaited.approved_by : []),
  }));
