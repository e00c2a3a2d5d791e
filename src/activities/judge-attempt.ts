import type { AttemptRecord } from '../contracts/attempt.js';
import type { Spent } from '../contracts/budget.js';
import type { Comparison } from '../contracts/independence.js';
import { GATES } from '../contracts/names.js';
import { compareModels, judgeIndependence } from '../rules/judge-independence.js';
import { judgeInputs } from '../rules/judge-inputs.js';
import { judgeInventory } from '../rules/judge-inventory.js';
import { judgeSessions } from '../rules/judge-sessions.js';
import { judgeUse } from '../rules/judge-use.js';
import type { JudgedFinding } from '../rules/judged-output.js';
import { spentByAttempt } from '../rules/spent.js';
import type { Asked } from './ask-executor.js';
import type { GateTask } from './gates/gate-definition.js';
import type { TrustedRun } from './trusted-run.js';

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
