import type { GateOutputs } from '../contracts/answers/gate-outputs.js';
import type { GateId } from '../contracts/names.js';
import type { Policy } from '../contracts/policy/policy.js';
import type { RunRequest } from '../contracts/run/run-request.js';

/** What a file becomes: its text, nothing (deleted), or a symbolic link. */
type Edit = string | null | { readonly link: string };
export type Edits = Readonly<Record<string, Edit>>;

/**
 * How a violation is stopped. `blocks`: a blocking finding. `acknowledged`: a finding of severity `high` or more, which the
 * person who approves has to acknowledge. `reported`: any finding. `refused`: the answer is not taken, without a finding.
 */
export type CanaryEffect = 'blocks' | 'acknowledged' | 'reported' | 'refused';

/** A known violation, how it gets into a run, and what has to catch it. */
export interface Canary {
  readonly name: string;
  readonly class: string;
  /** What is wrong, as a noun phrase. */
  readonly violation: string;
  /** What the writer changes beside the honest change. */
  readonly edits?: Edits;
  /** Whether the writer changes nothing at all. */
  readonly idle?: true;
  /** The request with the violation. */
  readonly request?: (honest: RunRequest) => RunRequest;
  /** Answers of gates with the violation. */
  readonly outputs?: (honest: GateOutputs) => Partial<Record<GateId, object>>;
  readonly gate: GateId;
  /** The rule that catches it; null where the shape of the answer does. */
  readonly rule: string | null;
  readonly effect: CanaryEffect;
  /** Whether the attempt raises a P08. */
  readonly escalates: boolean;
  /** Why a policy cannot catch it; null when it can. */
  readonly unfit?: (policy: Policy) => string | null;
}
