import { PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import { isCommitter, namesOfPrincipal } from './audit/committer.js';
import { type CommitterJudgement, type CommitterQuestion, judgeCommitter } from './audit/judge-committer.js';
import type { Output } from './output.js';
import { printableLine } from './printable.js';
import type { DecisionQuestions } from './terminal-questions.js';

export interface CommitterWarningOptions extends CommitterQuestion {
  /** Null when the run's policy cannot be read. */
  readonly policy: Policy | null;
  readonly output: Output;
  /** Null when nothing is asked. */
  readonly questions: Pick<DecisionQuestions, 'confirm'> | null;
}

/**
 * Says before a commit what `pr-check` would say of its committer afterwards, and who may commit instead.
 * @throws PromptOsError with the code of the judgement, when the person who is asked says no
 */
export async function warnOfCommitter(options: CommitterWarningOptions): Promise<CommitterJudgement> {
  const judged = await judgeCommitter(options);
  if (judged.code === null) return judged;
  const { output, questions } = options;
  const next = whoMayCommit(options);
  output.note(`warning: ${judged.code}: pr-check will refuse this commit: ${printableLine(judged.message)}\n  ${next}`);
  if (questions !== null && (await questions.confirm('Commit all the same?')) !== true) {
    throw new PromptOsError(judged.code, 'Nothing was committed.', { hint: next });
  }
  return judged;
}

/** The integrators whose commit would pass, and how they commit. */
function whoMayCommit({ policy, run: { runId, record }, committer }: CommitterWarningOptions): string {
  if (policy === null) return 'Run `promptos verify` to see what is wrong with the run.';
  const able = policy.roles.integrator.filter((name) => name !== record.developer);
  const [first] = able;
  if (first === undefined) return "Somebody else than the run's writer and developer has to commit it.";
  // A name alone does not help where the address names the developer as well.
  const named = namesOfPrincipal(record.developer, policy);
  const address = isCommitter({ name: '', email: committer.email }, named)
    ? ', with an own address in `git config user.email`'
    : '';
  return `Who may commit: ${printableLine(able.join(', '))}. They run: promptos apply ${runId} --as ${printableLine(first)}${address}.`;
}
