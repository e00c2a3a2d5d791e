import type { AttemptRecord } from '../../../contracts/record/attempt.js';
import type { Comparison } from '../../../contracts/run/independence.js';
import type { GateModels, GateStatus } from '../../../contracts/run/run-status.js';
import { otherModelsServed } from '../../../rules/attempts/served-model.js';
import { printableLine } from '../../app/printable.js';

type Attempted = Pick<AttemptRecord, 'executor' | 'tries'>;

/**
 * Which model an attempt asked for, and which one answered, as its executor says. Null for a gate that was done elsewhere:
 * nothing was asked of a model there. Of several that answered, another one than was asked for is named.
 */
export function modelsOf({ executor, tries }: Attempted): GateModels | null {
  if (executor.sandbox === 'elsewhere') return null;
  const last = tries.at(-1)?.served_model;
  const another = otherModelsServed(executor.requested_model, [executor, ...tries]).at(-1);
  return {
    requested: executor.requested_model,
    served: another ?? (last === undefined ? executor.served_model : last),
    other: another !== undefined,
  };
}

/** Lines below a gate: a model that is another one or unknown, and who judged whom. */
export const describeModels = ({ models, independence = [] }: GateStatus): readonly string[] => [
  ...(models === undefined ? [] : describeServed(models)),
  ...independence.map(describeComparison),
];

function describeServed({ requested, served, other }: GateModels): readonly string[] {
  const asked = requested === null ? '' : `, ${printableLine(requested)} requested`;
  if (served === null) return [`model  unknown: the executor does not say which one answered${asked}`];
  return [`model  ${printableLine(served)}${other ? `: ANOTHER ONE answered${asked}` : ''}`];
}

const VERDICTS: Readonly<Record<Comparison['verdict'], string>> = {
  independent: 'independent',
  same: 'NOT INDEPENDENT',
  unknown: 'NOT KNOWN to be independent',
};

function describeComparison({ judge, judged, verdict }: Comparison): string {
  const side = ({ role, model, person }: Comparison['judge']) =>
    `${role} (${person === true ? 'a person' : model === null ? 'model unknown' : printableLine(model)})`;
  return `judge  ${side(judge)} of ${side(judged)}: ${VERDICTS[verdict]}`;
}
