import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { RollbackProof } from '../../contracts/record/patch.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';

/** The rule that a change can be taken back, and that its plan says how. */
export const ROLLBACK_RULE = 'rollback';

/**
 * P06: the reverse patch gives back the tree of the base commit, and the plan says how the change is taken back and what it
 * means for security. Without a proof nothing is judged: the patch is empty, or the run is of an earlier release.
 */
export function judgeRollback(
  proof: RollbackProof | undefined,
  plan: GateOutputs['P03'] | null,
): readonly JudgedFinding[] {
  if (proof === undefined) return [];
  const missing = [
    ...(plan === null || plan.rollback !== undefined ? [] : ['how the change is taken back (rollback)']),
    ...(plan === null || plan.security_impact !== undefined ? [] : ['what it means for security (security_impact)']),
  ];
  return [
    ...missing.map((what) => blockingFinding(ROLLBACK_RULE, `The plan does not say ${what}.`)),
    ...restoringProblem(proof).map((problem) => blockingFinding(ROLLBACK_RULE, problem)),
  ];
}

function restoringProblem({
  base_tree,
  restored_tree,
  reason = 'git gave no reason',
}: RollbackProof): readonly string[] {
  if (restored_tree === base_tree) return [];
  return restored_tree === null
    ? [`The patch cannot be taken back: the reverse patch does not apply to the patched tree: ${reason}.`]
    : [
        `The patch cannot be taken back: the reverse patch gives the tree ${restored_tree}, not that of the base, ${base_tree}.`,
      ];
}
