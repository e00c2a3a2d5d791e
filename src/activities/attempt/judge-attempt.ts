import { GATES } from '../../contracts/names.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { Spent } from '../../contracts/run/budget.js';
import type { Comparison } from '../../contracts/run/independence.js';
import { compareModels, judgeIndependence } from '../../rules/attempts/judge-independence.js';
import { judgeInputs } from '../../rules/attempts/judge-inputs.js';
import { judgeInventory } from '../../rules/attempts/judge-inventory.js';
import { judgeSessions } from '../../rules/attempts/judge-sessions.js';
import { judgeUse } from '../../rules/attempts/judge-use.js';
import { spentByAttempt } from '../../rules/attempts/spent.js';
import type { JudgedFinding } from '../../rules/outputs/judged-output.js';
import type { GateTask } from '../gates/gate-definition.js';
import type { TrustedRun } from '../proof/trusted-run.js';
import type { Asked } from './ask-executor.js';

/** The files that steered the executor, those that the patch would have steered it by, and what the set-up gave. */
export type SeenCheckout = Pick<AttemptRecord, 'inventory' | 'withheld' | 'setup'>;

interface EndedAttempt {
  readonly task: GateTask;
  readonly trusted: TrustedRun;
  readonly asked: Asked;
  readonly seen: SeenCheckout;
  /** What calls of the activity before this one used. */
  readonly unrecorded?: Spent;
}

/**
 * What every gate is judged by, whatever it gives: what steered its executor, what it used, with which model and in which
 * session it judged whom, and what its inputs say.
 */
export function judgeAttempt({ task, trusted, asked, seen, unrecorded }: EndedAttempt): {
  readonly findings: readonly JudgedFinding[];
  readonly compared: readonly Comparison[];
} {
  const { input, earlier } = task;
  const { policy, request } = trusted;
  const { gate, principal, attempt, inputs: given, rules_version } = input;
  const tries = [...asked.tries];
  const done = { gate, role: GATES[gate].role, principal, attempt, executor: asked.executor, tries };
  const compared = compareModels(policy, done, earlier.attempts);
  const findings = [
    ...judgeInventory({
      ...seen,
      before: earlier.inventories,
      allow: policy.agent_files?.allow ?? [],
      rules_version,
    }),
    ...judgeUse(policy.budgets, gate, spentByAttempt({ tries, unrecorded })),
    ...judgeIndependence(policy.independence, compared),
    ...judgeSessions(done, earlier.attempts),
    ...judgeInputs({ ...earlier, given, request, feedback: input.feedback, rules_version }),
  ];
  return { findings, compared };
}
