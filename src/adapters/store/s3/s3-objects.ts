import { PromptOsError } from '../../../contracts/errors.js';
import { SHA256_PATTERN } from '../../../contracts/names.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import { counted } from '../../../contracts/sentences.js';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { checkedBytes, collectBytes, objectMissing } from '../checked-bytes.js';
import { REFRESH_MS } from '../manifest.js';
import { mapInParallel } from '../parallel.js';
import { type ObjectHead, PARALLEL_REQUESTS, type S3Bucket } from './s3-bucket.js';
import { storeError } from './s3-errors.js';
import { memorySource, PART_BYTES, type PartSource, spool, uploadParts } from './uploads.js';

/** The key of an object, or null for what is no digest and so names no object. */
const objectKey = (sha256: string): string | null =>
  SHA256_PATTERN.test(sha256) ? `objects/${sha256.slice(0, 2)}/${sha256.slice(2)}` : null;

export async function headObject(bucket: S3Bucket, sha256: string): Promise<ObjectHead | null> {
  const key = objectKey(sha256);
  return key === null ? null : bucket.head(key);
}

/** Puts bytes under their digest. An object of another size or sum in that place is replaced. */
export async function putObject(
  bucket: S3Bucket,
  content: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<StoredObject> {
  const source = content instanceof Uint8Array ? memorySource(content) : await spool(content, PART_BYTES);
  try {
    const { sha256, bytes } = source;
    // For many bytes a request that asks first is cheaper than sending them again.
    const known = bytes > PART_BYTES ? await headObject(bucket, sha256) : null;
    if (known === null) {
      if (await send(bucket, source, true)) return { sha256, bytes };
    }
    const head = known ?? (await headObject(bucket, sha256));
    if (!isIntact(head, source) || isStale(head)) await send(bucket, source, false);
    return { sha256, bytes };
  } finally {
    await source.close();
  }
}

const isIntact = (head: ObjectHead | null, { sha256, bytes }: StoredObject): boolean =>
  head !== null && head.bytes === bytes && (head.sha256 === null || head.sha256 === sha256);

/** Whether an object was put so long ago that who removes old ones might take it for one that no run needs any more. */
const isStale = (head: ObjectHead | null): boolean =>
  head !== null && Date.now() - head.modified.getTime() > REFRESH_MS;

/** Removes an object that was not put since `before`. The bucket cannot do both at once: `before` must be long ago. */
export async function removeObject(bucket: S3Bucket, sha256: string, before: Date): Promise<boolean> {
  const key = objectKey(sha256);
  const head = key === null ? null : await bucket.head(key);
  if (key === null || head === null) return true;
  if (head.modified >= before) return false;
  await bucket.remove(key);
  return true;
}

async function send(bucket: S3Bucket, source: PartSource, ifAbsent: boolean): Promise<boolean> {
  const key = objectKey(source.sha256) as string;
  if (source.bytes > PART_BYTES) return uploadParts(bucket, key, source, ifAbsent);
  const body = await source.read(0, source.bytes, Buffer.alloc(0));
  return bucket.put(key, body, { ifAbsent });
}

/**
 * The object, checked against its digest at the end of the stream.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, STORE_NOT_READABLE
 */
export async function* openObject(
  bucket: S3Bucket,
  sha256: string,
  what = `object ${sha256}`,
  missing: () => PromptOsError = () => objectMissing(sha256),
): AsyncIterable<Uint8Array> {
  const key = objectKey(sha256);
  if (key === null) throw missing();
  yield* checkedBytes(readOn(bucket, key, missing), sha256, what);
}

/**
 * Whether the store has each file with these very bytes. Where the server keeps a SHA-256 of the whole object, that is
 * asked for; else the bytes are read.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function checkObjects(bucket: S3Bucket, files: readonly ArtifactRef[]): Promise<void> {
  await mapInParallel(files, PARALLEL_REQUESTS, async ({ path, sha256, bytes }) => {
    const head = await headObject(bucket, sha256);
    if (head === null) throw new PromptOsError('OBJECT_NOT_FOUND', `The store has no object ${sha256} for ${path}.`);
    if (head.bytes !== bytes) {
      throw new PromptOsError(
        'OBJECT_CORRUPT',
        `Expected ${path} to have ${counted(bytes, 'byte')}, object ${sha256} has ${head.bytes}.`,
      );
    }
    if (head.sha256 === sha256) return;
    for await (const _chunk of openObject(bucket, sha256));
  });
}

/** How often a read is resumed without a byte in between. */
const READ_TRIES = 4;

/** Streams an object, and resumes where a connection was cut. */
async function* readOn(bucket: S3Bucket, key: string, missing: () => PromptOsError): AsyncIterable<Uint8Array> {
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

/** Separate from the consumer, so that an error of the consumer never counts as one of the network. */
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
