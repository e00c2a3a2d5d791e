import { type AttemptRecord, attemptRecordSchema } from '../contracts/attempt.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { parseFile } from './published-run.js';

/** Bytes of one artifact that a terminal is given. */
const SHOWN_BYTES = 512 * 1024;

/** The record of the attempt that is to be decided on. @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, RECORD_INVALID */
export async function readAttempt(store: ArtifactStore, outputSha256: string): Promise<AttemptRecord> {
  return parseFile(attemptRecordSchema, Buffer.from(await store.readObject(outputSha256)), 'attempt.json');
}

export interface ArtifactText {
  readonly text: string;
  /** Whether the text goes on. */
  readonly cut: boolean;
}

/** The beginning of an artifact. The whole of it is read, so that its digest is checked; no more than the beginning is kept. */
export async function readArtifactText(store: ArtifactStore, { sha256, bytes }: ArtifactRef): Promise<ArtifactText> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of store.openObject(sha256)) {
    if (size < SHOWN_BYTES) kept.push(chunk.subarray(0, SHOWN_BYTES - size));
    size += chunk.byteLength;
  }
  return { text: Buffer.concat(kept).toString('utf8'), cut: bytes > SHOWN_BYTES };
}

/** The artifact at a path of the run's tree, or undefined. */
export const artifactAt = ({ artifacts }: AttemptRecord, path: string): ArtifactRef | undefined =>
  artifacts.find((artifact) => artifact.path === path);
