import type { RunPlan } from './run-plan.js';

/**
 * The version of everything that judges a run: rules over patches and outputs, the paths of each gate, the gate
 * statement, the journal. A run pins it when it opens, so that an old tree is judged by the rules of its time.
 *
 * 1: the first. 2: journal, verified prefix, gate statement v0.2, judgement repeated by P06 and by the verifier.
 * 3: traceability of plan and patch; rules on what a patch changes line by line, such as dependencies and weakened tests; rules
 * on logs and feedback as inputs, on contradicted checks, on empty reviews, and on plans that name files that steer agents; a
 * plan's rollback. 4: criteria that a plan or a builder names and the job does not have; files that files that steer agents
 * import by their text; what a plan says of its rollback and of security is judged at P03.
 */
export const RULES_VERSION = 4;

/** The version that a run pinned; runs from before versions were pinned have 1. */
export const rulesVersionOf = (plan: Pick<RunPlan, 'rules_version'>): number => plan.rules_version ?? 1;

/** Whether a run has a journal. A run that was not opened has no plan, and none of its journal counts. */
export const hasJournal = (plan: Pick<RunPlan, 'rules_version'> | null): boolean =>
  plan !== null && rulesVersionOf(plan) >= 2;

/** Whether files that are imported by files that steer agents count as such too. */
export const followsImports = (rulesVersion: number): boolean => rulesVersion >= 4;
