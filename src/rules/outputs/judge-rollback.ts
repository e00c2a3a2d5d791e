import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { PlanStatements } from '../../contracts/policy/policy-fields.js';
import type { RollbackProof } from '../../contracts/record/patch.js';
import { blockingFinding, type JudgedFinding, plainFinding } from './judged-output.js';

/** The rule that a change can be taken back, and that its plan says how. */
export const ROLLBACK_RULE = 'rollback';

const missingStatements = ({ rollback, security_impact }: GateOutputs['P03']): readonly string[] => [
  ...(rollback === undefined ? ['The plan does not say how the change is taken back (rollback).'] : []),
  ...(security_impact === undefined ? ['The plan does not say what it means for security (security_impact).'] : []),
];

/**
 * P03: the plan says how the change is taken back and what it means for security. In version 3 P06 judged that; before it
 * no prompt asked for it.
 */
export const judgeStatements = (
  plan: GateOutputs['P03'],
  { plan_statements, rules_version }: { readonly plan_statements: PlanStatements; readonly rules_version: number },
): readonly JudgedFinding[] =>
  rules_version < 4
    ? []
    : missingStatements(plan).map((problem) =>
        plan_statements === 'block'
          ? blockingFinding(ROLLBACK_RULE, problem)
          : plainFinding(ROLLBACK_RULE, 'medium', problem),
      );

/**
 * P06: the reverse patch gives back the tree of the base commit. Without a proof nothing is judged: the patch is empty, or the
 * run is of an earlier release.
 */
export function judgeRollback(
  proof: RollbackProof | undefined,
  plan: GateOutputs['P03'] | null,
  rulesVersion: number,
): readonly JudgedFinding[] {
  if (proof === undefined) return [];
  const missing = plan !== null && rulesVersion === 3 ? missingStatements(plan) : [];
  return [...missing, ...restoringProblem(proof)].map((problem) => blockingFinding(ROLLBACK_RULE, problem));
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
