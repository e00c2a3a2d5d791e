import type { RunPlan } from '../contracts/run-plan.js';

/** What decides who may cancel a run: its plan, or its policy. */
export type CancellationPlan = Pick<RunPlan, 'integrators' | 'cancellation'>;

/** Who may cancel a run: its developer and the integrators, unless the policy says otherwise. */
export function cancellers({ integrators, cancellation }: CancellationPlan, developer: string): readonly string[] {
  const starter = cancellation?.developer === 'refused' ? [] : [developer];
  return [...new Set([...starter, ...(cancellation?.principals ?? integrators)])];
}
