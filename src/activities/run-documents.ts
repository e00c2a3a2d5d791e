import { PromptOsError } from '../contracts/errors.js';
import type { LedgerEventOf } from '../contracts/ledger.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import { runRequestSchema } from '../contracts/run-request.js';
import { TREE_PATHS } from '../governance/published-tree.js';
import type { ArtifactStore } from '../ports/index.js';

/** What a run was started from, as its tree shows it. */
export interface RunDocuments {
  readonly files: readonly ArtifactRef[];
  /** The request's notes. */
  readonly notes: string;
}

/**
 * The request, policy and pack of a run. A run that the engine refused to open may lack them, which may be the very
 * reason; its tree then does without.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT; RECORD_INVALID for a request that is none
 */
export async function readDocuments(
  store: ArtifactStore,
  opening: LedgerEventOf<'runOpened'> | LedgerEventOf<'openingFailed'>,
): Promise<RunDocuments> {
  const { request_sha256, policy_sha256, pack_object_sha256 } = opening.run;
  const refused = opening.type === 'openingFailed';
  const read = async (sha256: string): Promise<Uint8Array | null> => {
    try {
      return await store.readObject(sha256);
    } catch (error) {
      if (refused && error instanceof PromptOsError && error.code === 'OBJECT_NOT_FOUND') return null;
      throw error;
    }
  };
  const request = await read(request_sha256);
  const policy = await read(policy_sha256);
  const pack = await read(pack_object_sha256);
  const policyIsJson = policy !== null && jsonOf(policy) !== undefined;
  const file = (path: string, media_type: string, sha256: string, bytes: Uint8Array | null): ArtifactRef[] =>
    bytes === null ? [] : [{ path, sha256, bytes: bytes.byteLength, media_type }];
  return {
    files: [
      ...file(TREE_PATHS.request, 'application/json', request_sha256, request),
      ...(policyIsJson
        ? file(TREE_PATHS.policyJson, 'application/json', policy_sha256, policy)
        : file(TREE_PATHS.policyYaml, 'application/yaml', policy_sha256, policy)),
      ...file(TREE_PATHS.pack, 'application/json', pack_object_sha256, pack),
    ],
    notes: request === null ? '' : notesOf(request, refused),
  };
}

function notesOf(request: Uint8Array, refused: boolean): string {
  const parsed = runRequestSchema.safeParse(jsonOf(request));
  if (parsed.success) return parsed.data.notes;
  if (refused) return '';
  throw new PromptOsError('RECORD_INVALID', 'The stored request of the run has another shape than a request.');
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
