import type { PlanOutput } from '../contracts/gate-outputs.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';
import type { ScopeJudgement } from './scope-matching.js';

/** Every file that a plan names, once, in the plan's order. */
export const plannedFiles = (plan: PlanOutput): readonly string[] => [
  ...new Set(plan.components.flatMap(({ files }) => files)),
];

/** P03: every planned file may be touched, by the scopes that hold, and nothing is left open. */
export function judgePlan(plan: PlanOutput, scope: ScopeJudgement): readonly JudgedFinding[] {
  const outside = plannedFiles(plan).flatMap((path) => {
    const reason = scope(path);
    return reason === null ? [] : [{ path, reason }];
  });
  return [
    ...outside.map(({ path, reason }) =>
      blockingFinding('plan_scope', `The plan names ${path}, which no change may touch: ${reason}.`, { path }),
    ),
    ...plan.open_questions.map(({ id, question }) =>
      blockingFinding('open_questions', `Open question ${id}: ${question}`, { escalates: 'open_question' }),
    ),
  ];
}
