import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompletedPart } from '@aws-sdk/client-s3';
import { PromptOsError } from '../../../contracts/errors.js';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { mapInParallel } from '../parallel.js';
import { type S3Bucket, type S3Session, sha256Base64 } from './s3-bucket.js';
import { errorFacts, isConflict, isRefusedCondition } from './s3-errors.js';

/** Bytes of one part, and of the largest object that is sent in one request. S3 asks for 5 MiB at least. */
export const PART_BYTES = 8 * 1_048_576;
/** S3 takes so many parts of one object. */
const MAX_PARTS = 10_000;
/** Parts on their way at the same time; each holds its bytes in memory. */
const PARALLEL_PARTS = 2;
/** An unfinished upload counts as abandoned after so many milliseconds. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

const partBytes = (bytes: number): number => Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS / 1_048_576) * 1_048_576);

/**
 * Uploads an object in parts, each with its SHA-256; it appears whole at the end or not at all.
 * @returns false when the key was to be free and is taken
 */
export async function uploadParts(
  bucket: S3Bucket,
  key: string,
  source: PartSource,
  ifAbsent: boolean,
): Promise<boolean> {
  return bucket.call(`upload ${key}`, async ({ sdk, client }, fullKey) => {
    const target = { Bucket: bucket.place.bucket, Key: fullKey(key) };
    const { UploadId } = await client.send(
      new sdk.CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'SHA256' }),
    );
    try {
      const Parts = await sendParts({ sdk, client }, { ...target, UploadId }, source);
      await client.send(
        new sdk.CompleteMultipartUploadCommand({
          ...target,
          UploadId,
          MultipartUpload: { Parts },
          ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
        }),
      );
      return true;
    } catch (error) {
      await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
      // An upload that is gone was completed by a request whose answer got lost, or ended by a rule of the bucket.
      const gone = errorFacts(error).name === 'NoSuchUpload';
      if (ifAbsent && (gone || isRefusedCondition(error) || isConflict(error))) return false;
      throw error;
    }
  });
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

async function sendParts({ sdk, client }: S3Session, upload: Upload, source: PartSource): Promise<CompletedPart[]> {
  const size = partBytes(source.bytes);
  const places = Array.from({ length: Math.ceil(source.bytes / size) }, (_, index) => index * size);
  // One for each part that is on its way, used again for the next one.
  const buffers = Array.from({ length: PARALLEL_PARTS }, () => Buffer.allocUnsafe(size));
  return mapInParallel(places, PARALLEL_PARTS, async (from, index) => {
    const buffer = buffers.pop() ?? Buffer.allocUnsafe(size);
    try {
      const body = await source.read(from, Math.min(size, source.bytes - from), buffer);
      const part = { PartNumber: index + 1, ChecksumSHA256: sha256Base64(body) };
      const { ETag } = await client.send(
        new sdk.UploadPartCommand({ ...upload, ...part, Body: body, ContentLength: body.byteLength }),
      );
      return { ...part, ETag };
    } finally {
      buffers.push(buffer);
    }
  });
}

/** Ends uploads that processes left unfinished long ago. A rule of the bucket may do the same. */
export async function abortAbandoned(bucket: S3Bucket): Promise<void> {
  await bucket.call('list unfinished uploads', async ({ sdk, client }, fullKey) => {
    const Bucket = bucket.place.bucket;
    const { Uploads = [] } = await client.send(
      new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: fullKey('objects/') }),
    );
    for (const { Key, UploadId, Initiated } of Uploads) {
      if (Initiated === undefined || Date.now() - Initiated.getTime() < ABANDONED_AFTER_MS) continue;
      await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    }
  });
}

/** Bytes whose digest is known, and that can be read again from any place. */
export interface PartSource extends StoredObject {
  /** The bytes of one part; valid until `buffer` is used again. */
  read(offset: number, length: number, buffer: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export const memorySource = (content: Uint8Array): PartSource => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  bytes: content.byteLength,
  read: async (offset, length) => content.subarray(offset, offset + length),
  close: async () => undefined,
});

/**
 * Reads a stream to its end, since an object's key is its digest. Up to `inMemory` bytes are kept in memory; more go to a
 * temporary file that has no name any more, so that a process which is killed leaves nothing.
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL for the temporary file; an error of the stream comes through unchanged
 */
export async function spool(content: AsyncIterable<Uint8Array>, inMemory: number): Promise<PartSource> {
  const hash = createHash('sha256');
  const kept: Uint8Array[] = [];
  let bytes = 0;
  let file: FileHandle | null = null;
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      if (file === null && bytes > inMemory) {
        file = await spooling(openUnnamed());
        for (const earlier of kept.splice(0)) await spooling(file.appendFile(earlier));
      }
      if (file === null) kept.push(chunk);
      else await spooling(file.appendFile(chunk));
    }
  } catch (error) {
    await file?.close();
    throw error;
  }
  if (file === null) return memorySource(Buffer.concat(kept));
  return fileSource(file, { sha256: hash.digest('hex'), bytes });
}

const fileSource = (file: FileHandle, stored: StoredObject): PartSource => ({
  ...stored,
  read: async (offset, length, buffer) => {
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await spooling(file.read(buffer, filled, length - filled, offset + filled));
      if (bytesRead === 0) throw new PromptOsError('STORE_NOT_WRITABLE', 'A temporary file of an upload lost bytes.');
      filled += bytesRead;
    }
    return buffer.subarray(0, length);
  },
  close: () => file.close(),
});

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `promptos-upload-${process.pid}-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}

async function spooling<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    const code = (error as { readonly code?: unknown }).code;
    throw new PromptOsError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'STORE_FULL' : 'STORE_NOT_WRITABLE',
      `An upload to the store needs a temporary file in ${tmpdir()}: ${(error as Error).message}.`,
      { cause: error, hint: 'Free some space there, or name another folder with TMPDIR.' },
    );
  }
}
