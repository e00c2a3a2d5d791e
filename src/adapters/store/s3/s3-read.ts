import { PromptOsError } from '../../../contracts/errors.js';
import { collectBytes } from '../checked-bytes.js';
import type { S3Bucket } from './s3-bucket.js';
import { storeError } from './s3-errors.js';

/** How often a read is taken up again where it broke off, without a byte in between. */
const READ_TRIES = 4;

/** Streams an object, and goes on where a connection was cut. */
export async function* readOn(bucket: S3Bucket, key: string, missing: () => PromptOsError): AsyncIterable<Uint8Array> {
  let offset = 0;
  for (let tries = 1; ; tries += 1) {
    const body = await bucket.open(key, offset);
    if (body === null) throw missing();
    const chunks = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await nextChunk(chunks);
        if ('error' in next) {
          if (tries >= READ_TRIES) throw storeError(next.error, 'STORE_NOT_READABLE', `read ${key}`, bucket.place);
          break;
        }
        if (next.chunk === null) return;
        offset += next.chunk.byteLength;
        tries = 1;
        yield next.chunk;
      }
    } finally {
      await chunks.return?.();
    }
  }
}

/** Apart from its consumer's, so that an error of the consumer is never taken for one of the network. */
async function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
): Promise<{ readonly chunk: Uint8Array | null } | { readonly error: unknown }> {
  try {
    const { done, value } = await chunks.next();
    return { chunk: done === true ? null : value };
  } catch (error) {
    return { error };
  }
}

/** A small object whole, or null. */
export async function readWhole(bucket: S3Bucket, key: string): Promise<Uint8Array | null> {
  const missing = new PromptOsError('OBJECT_NOT_FOUND', `The store has no ${key}.`);
  try {
    return await collectBytes(readOn(bucket, key, () => missing));
  } catch (error) {
    if (error === missing) return null;
    throw error;
  }
}
