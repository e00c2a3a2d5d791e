import { PromptOsError } from '../../../contracts/errors.js';
import type { AttemptRecord } from '../../../contracts/record/attempt.js';
import { keepLast } from '../../../contracts/remember.js';
import type { GateStatus, RunStatus } from '../../../contracts/run/run-status.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { readAttempt } from '../read/attempt-logs.js';
import { modelsOf } from '../read/gate-models.js';

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
