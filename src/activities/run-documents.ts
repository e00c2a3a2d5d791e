import type { z } from 'zod';
import { canonicalJson } from '../contracts/canonical-json.js';
import { PromptOsError } from '../contracts/errors.js';
import type { LedgerEventOf } from '../contracts/ledger.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import { promptPackBundleSchema } from '../contracts/prompt-pack.js';
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
 * The request, policy and pack of a run. A run that the engine refused to open may lack them, or have something else in
 * their place, which may be the very reason; its tree then does without.
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
  const readable = async (sha256: string, schema: z.ZodType): Promise<Uint8Array | null> => {
    const bytes = await read(sha256);
    return bytes !== null && refused && !isCanonical(bytes, schema) ? null : bytes;
  };
  const request = await readable(request_sha256, runRequestSchema);
  const policy = await read(policy_sha256);
  const pack = await readable(pack_object_sha256, promptPackBundleSchema);
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
    notes: request === null ? '' : notesOf(request),
  };
}

/** Whether bytes are canonical JSON of a shape, as a run takes them in. */
function isCanonical(bytes: Uint8Array, schema: z.ZodType): boolean {
  const value = jsonOf(bytes);
  return schema.safeParse(value).success && canonicalJson(value) === Buffer.from(bytes).toString('utf8');
}

function notesOf(request: Uint8Array): string {
  const parsed = runRequestSchema.safeParse(jsonOf(request));
  if (parsed.success) return parsed.data.notes;
  throw new PromptOsError('RECORD_INVALID', 'The stored request of the run has another shape than a request.');
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
