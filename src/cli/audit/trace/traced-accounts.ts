import type { RunRecord } from '../../../contracts/record/run-record.js';
import type { ComparedModel } from '../../../contracts/run/independence.js';
import { describeSpending } from '../../../domain/record/usage.js';
import { printableLine } from '../../app/printable.js';

/** What a trace shows of a run's budgets, and of who judged whom; nothing where the policy asks for neither. */
export const renderAccounts = ({
  budgets,
  independence,
}: {
  readonly budgets: RunRecord['budgets'] | null;
  readonly independence: RunRecord['independence'] | null;
}): readonly string[] => [
  ...(budgets == null ? [] : describeSpending(budgets).map((line, index) => under('spent', line, index))),
  ...(independence?.comparisons ?? []).map(({ judge, judged, verdict }, index) =>
    under('judged', `${judge.gate} ${sideOf(judge)} judged ${sideOf(judged)}: ${VERDICTS[verdict]}`, index),
  ),
];

const VERDICTS = { independent: 'independent', same: 'NOT INDEPENDENT', unknown: 'UNKNOWN' } as const;

const under = (name: string, line: string, index: number): string => `  ${(index === 0 ? name : '').padEnd(12)}${line}`;

function sideOf({ role, model, vendors, person }: ComparedModel): string {
  if (person === true) return `${role} (a person)`;
  const named = model === null ? 'model unknown' : printableLine(model);
  return `${role} (${[named, ...vendors].join(', ')})`;
}
