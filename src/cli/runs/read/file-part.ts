import type { ArtifactStore } from '../../../ports/artifact-store.js';

/** A part of a file. */
interface FilePart {
  readonly bytes: Buffer;
  readonly total: number;
}

/**
 * A part of a file. The whole of it is read, so that its digest is checked; no more than the part is kept.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function readPart(store: ArtifactStore, sha256: string, offset: number, limit: number): Promise<FilePart> {
  const kept: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of store.openObject(sha256)) {
    const from = Math.max(0, offset - total);
    const to = Math.min(chunk.byteLength, offset + limit - total);
    if (from < to) kept.push(chunk.subarray(from, to));
    total += chunk.byteLength;
  }
  return { bytes: Buffer.concat(kept), total };
}
