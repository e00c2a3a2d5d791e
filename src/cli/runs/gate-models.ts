import type { AttemptRecord } from '../../contracts/attempt.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { Comparison } from '../../contracts/independence.js';
import { keepLast } from '../../contracts/remember.js';
import type { GateModels, GateStatus, RunStatus } from '../../contracts/run-status.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { printableLine } from '../app/printable.js';
import { readAttempt } from './attempt-logs.js';

type Attempted = Pick<AttemptRecord, 'executor' | 'tries' | 'findings'>;

/**
 * Which model an attempt asked for, and which one answered, as its executor says. Null for a gate that was done elsewhere:
 * nothing was asked of a model there.
 */
export function modelsOf({ executor, tries, findings }: Attempted): GateModels | null {
  if (executor.sandbox === 'elsewhere') return null;
  const last = tries.at(-1)?.served_model;
  return {
    requested: executor.requested_model,
    served: last === undefined ? executor.served_model : last,
    other: findings.some(({ rule }) => rule === 'served_model'),
  };
}

/** What the record of each gate's attempt says of models, for a run that is not published: the ledger does not have it. */
export async function withModels(store: Pick<ArtifactStore, 'readObject'>, status: RunStatus): Promise<RunStatus> {
  const gates = await Promise.all(
    status.gates.map(async (gate): Promise<GateStatus> => {
      const attempt = gate.output_sha256 === null ? null : await recordOf(store, gate.output_sha256);
      const models = attempt === null ? null : modelsOf(attempt);
      const { independence = [] } = attempt ?? {};
      return {
        ...gate,
        ...(models === null ? {} : { models }),
        ...(independence.length === 0 ? {} : { independence }),
      };
    }),
  );
  return { ...status, gates };
}

/** Records that were read: a status that is drawn again asks for the same ones. */
const records = new Map<string, AttemptRecord>();
const MAX_RECORDS = 16;

/** A record that cannot be read must not hide the run's status. */
async function recordOf(store: Pick<ArtifactStore, 'readObject'>, sha256: string): Promise<AttemptRecord | null> {
  const known = records.get(sha256);
  if (known !== undefined) return known;
  try {
    return keepLast(records, sha256, await readAttempt(store, sha256), MAX_RECORDS);
  } catch (error) {
    if (error instanceof PromptOsError) return null;
    throw error;
  }
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
