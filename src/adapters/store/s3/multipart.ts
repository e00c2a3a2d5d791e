import type { CompletedPart } from '@aws-sdk/client-s3';
import { eachInParallel } from '../in-parallel.js';
import { type S3Bucket, sha256Base64 } from './s3-bucket.js';
import type { S3Session } from './s3-client.js';
import { errorFacts, isConflict, isRefusedCondition } from './s3-errors.js';
import type { PartSource } from './spool.js';

/** Bytes of one part, and of the largest object that is sent in one request. S3 asks for 5 MiB at least. */
export const PART_BYTES = 8 * 1_048_576;
/** S3 takes so many parts of one object. */
const MAX_PARTS = 10_000;
/** Parts on their way at the same time; each holds its bytes in memory. */
const PARALLEL_PARTS = 2;
/** After this long an unfinished upload is taken for dead: milliseconds. */
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
  const buffers = Array.from({ length: PARALLEL_PARTS }, () => Buffer.allocUnsafe(size));
  const parts: CompletedPart[] = [];
  await eachInParallel(places, PARALLEL_PARTS, async (from, index, lane) => {
    const body = await source.read(from, Math.min(size, source.bytes - from), buffers[lane] as Buffer);
    const part = { PartNumber: index + 1, ChecksumSHA256: sha256Base64(body) };
    const { ETag } = await client.send(
      new sdk.UploadPartCommand({ ...upload, ...part, Body: body, ContentLength: body.byteLength }),
    );
    parts[index] = { ...part, ETag };
  });
  return parts;
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
