import { z } from 'zod';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { parseJsonAs } from '../../contracts/json.js';
import { type Content, SHORT_BYTES } from '../../contracts/long-bytes.js';
import { GATE_IDS, type GateId } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { type GivenDocuments, readGivenDocuments } from '../../contracts/record/artifact-schemas.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { DueGate } from '../../contracts/run/activities.js';
import type { Finding } from '../../contracts/run/findings.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { type GivenInventory, givenInventories } from '../../rules/attempts/judge-inventory.js';
import type { PinnedDocuments } from './pinned-documents.js';

/** The current change of P05. */
export interface EarlierPatch {
  readonly bytes: Content;
  readonly sha256: string;
  /** The files as `patch/files.json` has them. */
  readonly files: readonly unknown[];
  /** What the writer's own record says of it. */
  readonly findings: readonly Finding[];
}

/** What the gates before left, read from the attempts that count; null for what the run leaves out. */
export interface EarlierOutputs extends GivenDocuments {
  readonly patch: EarlierPatch | null;
  /** The files that steered each of these gates, as their attempts say. */
  readonly inventories: readonly GivenInventory[];
  /** The attempts themselves, in the order of the gates. */
  readonly attempts: readonly AttemptRecord[];
}

const listedFilesSchema = z.looseObject({ files: z.array(z.unknown()) });

/**
 * Loads the attempts that count, by digest. A record of another run or gate is a defect, never data.
 * @throws PromptOsError INTERNAL, OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function loadEarlierOutputs(
  store: ArtifactStore,
  documents: PinnedDocuments,
  input: DueGate,
): Promise<EarlierOutputs> {
  const record = async (gate: GateId): Promise<AttemptRecord | null> => {
    const sha256 = input.inputs[gate];
    if (sha256 === undefined) return null;
    const attempt = await documents.attempt(sha256);
    if (attempt.run_id !== input.run.run_id || attempt.gate !== gate) {
      throw new PromptOsError(
        'INTERNAL',
        `Expected an attempt of ${gate} of the run ${input.run.run_id}, received ${attempt.gate} of ${attempt.run_id}.`,
      );
    }
    return attempt;
  };
  const artifact = async (gate: GateId, path: string): Promise<ArtifactRef | null> =>
    (await record(gate))?.artifacts.find((candidate) => candidate.path === path) ?? null;
  const json = async <T>(gate: GateId, path: string, schema: z.ZodType<T>): Promise<T | null> => {
    const ref = await artifact(gate, path);
    return ref === null ? null : parseJsonAs(schema, await store.readObject(ref.sha256));
  };
  const patch = async (): Promise<EarlierPatch | null> => {
    const ref = await artifact('P05', GATE_PATHS.patch);
    if (ref === null) return null;
    const listed = await json('P05', GATE_PATHS.patchFiles, listedFilesSchema);
    const findings = (await record('P05'))?.findings ?? [];
    const { sha256, bytes: byteLength } = ref;
    const bytes =
      byteLength > SHORT_BYTES
        ? { byteLength, read: () => store.openObject(sha256), release: () => undefined }
        : await store.readObject(sha256);
    return { bytes, sha256, files: listed?.files ?? [], findings };
  };
  const records = await Promise.all(GATE_IDS.map(record));
  const attempts = records.flatMap((found) => found ?? []);
  return {
    ...(await readGivenDocuments(json)),
    patch: await patch(),
    inventories: givenInventories(records),
    attempts,
  };
}
