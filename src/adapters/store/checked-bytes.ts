import { createHash } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';

/** Passes chunks on, and fails with OBJECT_CORRUPT at their end when their digest is another. */
export async function* checkedBytes(
  chunks: AsyncIterable<Uint8Array>,
  sha256: string,
  what: string,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  checkDigest(hash.digest('hex'), sha256, what);
}

/** @throws PromptOsError OBJECT_CORRUPT */
export function checkDigest(actual: string, sha256: string, what: string): void {
  if (actual !== sha256) {
    throw new PromptOsError('OBJECT_CORRUPT', `Expected ${what} to have SHA-256 ${sha256}, its bytes have ${actual}.`);
  }
}

export const objectMissing = (sha256: string): PromptOsError =>
  new PromptOsError('OBJECT_NOT_FOUND', `The store has no object ${JSON.stringify(sha256)}.`);

/** Whole objects only: large ones are better streamed. */
export async function collectBytes(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return Buffer.concat(collected);
}
