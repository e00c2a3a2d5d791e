import { GATE_IDS, SANDBOX_KINDS, type SandboxKind } from '../../contracts/names.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { RunRecord } from '../../contracts/record/run-record.js';

/** The weakest of several sandboxes; undefined where none of them is known. */
export const weakestSandbox = (kinds: readonly (SandboxKind | undefined)[]): SandboxKind | undefined =>
  SANDBOX_KINDS.findLast((kind) => kinds.includes(kind));

/** Of everything that an attempt ran. */
export const sandboxOfAttempt = ({
  executor,
  checks_sandbox,
}: Pick<AttemptRecord, 'executor' | 'checks_sandbox'>): SandboxKind | undefined =>
  weakestSandbox([executor.sandbox, checks_sandbox]);

/** What a record says of the sandboxes of a whole run. A void attempt counts: what its program could reach, it reached. */
export function sandboxesOfRun(attempts: readonly AttemptRecord[]): Pick<RunRecord, 'sandbox'> {
  const ofGates = GATE_IDS.map((gate) => {
    const kinds = attempts.filter((attempt) => attempt.gate === gate).map(({ executor }) => executor.sandbox);
    return [gate, weakestSandbox(kinds)] as const;
  });
  const ofChecks = ['checks', weakestSandbox(attempts.map(({ checks_sandbox }) => checks_sandbox))] as const;
  const known = [...ofGates, ofChecks].filter(([, kind]) => kind !== undefined);
  return known.length === 0 ? {} : { sandbox: Object.fromEntries(known) };
}

/** What of a run had no sandbox, such as `P05, P06 and the checks`; null where everything had one, or it is not known. */
export function unsandboxedParts({ sandbox = {} }: Pick<RunRecord, 'sandbox'>): string | null {
  const gates = GATE_IDS.filter((gate) => sandbox[gate] === 'none');
  const checks = sandbox.checks === 'none' ? ['the checks'] : [];
  const named = [gates.join(', '), ...checks].filter((part) => part !== '');
  return named.length === 0 ? null : named.join(' and ');
}

/** What that means, for a person who merges or audits. */
export const WITHOUT_SANDBOX = "their programs could read and change whatever the worker's account can";
