import { createHash, randomUUID } from 'node:crypto';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../../contracts/config/store-config.js';
import {
  errorFacts,
  isConflict,
  isMissing,
  isMissingHead,
  isRefusedCondition,
  type S3Place,
  storeError,
} from './s3-errors.js';

/** The SDK, as it is loaded. */
type Sdk = typeof import('@aws-sdk/client-s3');

export interface S3Session {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

/** Milliseconds until a connection must be there. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds that a connection may be silent. */
const IDLE_TIMEOUT_MS = 30_000;
/** How often one request is sent at the most; the SDK knows which failures pass. */
const ATTEMPTS = 4;

/** What servers that know no regions take. */
const REGION_OF_OTHERS = 'us-east-1';

/**
 * Loads the SDK, which takes a while and is of no use to most commands, and makes a client. Credentials come from where
 * the SDK looks for them. The SDK connects directly: variables such as HTTPS_PROXY do not apply.
 */
async function openSession({ endpoint, region }: S3StoreConfig): Promise<S3Session> {
  const sdk = await import('@aws-sdk/client-s3');
  const common: S3ClientConfig = {
    maxAttempts: ATTEMPTS,
    // Every write carries a SHA-256 and every read is checked against one: no other sums are needed.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
    customUserAgent: 'promptos-temporal',
    ...(region === undefined ? {} : { region }),
    // Servers that are not AWS are seldom reached by a host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  };
  const client = new sdk.S3Client(common);
  if (endpoint === undefined || region !== undefined) return { sdk, client };
  const configured = await client.config.region().catch(() => REGION_OF_OTHERS);
  return { sdk, client: new sdk.S3Client({ ...common, region: configured }) };
}

/** What a bucket says of an object without its bytes. */
export interface ObjectHead {
  readonly bytes: number;
  /** Hexadecimal SHA-256 of the whole object as the server computed it at the upload; null where it keeps none. */
  readonly sha256: string | null;
  readonly modified: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

interface PutOptions {
  /** Write only when the key is free. */
  readonly ifAbsent: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The keys below a prefix of one bucket. Every failure comes out as a PromptOsError. */
export interface S3Bucket {
  readonly place: S3Place;
  head(key: string): Promise<ObjectHead | null>;
  /** The bytes from an offset on, or null when there is no such object. */
  open(key: string, from?: number): Promise<AsyncIterable<Uint8Array> | null>;
  /** @returns false when the key was to be free and another write has taken it */
  put(key: string, body: Uint8Array, options: PutOptions): Promise<boolean>;
  /** Removes an object; one that is not there is removed already. */
  remove(key: string): Promise<void>;
  /** Keys that begin with a prefix, in their order. */
  list(prefix: string, after?: string): Promise<readonly string[]>;
  /** What keys below a prefix begin with, up to and with the next slash. */
  folders(prefix: string): Promise<readonly string[]>;
  /** Any other call of the SDK, with the full key. */
  call<T>(doing: string, work: (session: S3Session, fullKey: (key: string) => string) => Promise<T>): Promise<T>;
}

/** The metadata that distinguishes a writer's own object when an answer was lost and the write repeated. */
const WRITE_ID = 'promptos-write';
/** How often a write is repeated that met another one of the same key. */
const CONFLICT_TRIES = 8;
const CONFLICT_DELAY_MS = 50;

/** Requests of one call of the store on their way at the same time. */
export const PARALLEL_REQUESTS = 8;

export const sha256Base64 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

/** A composite sum, as multipart uploads have, is none of the whole object. */
const wholeSha256 = (sum: string | undefined): string | null =>
  sum === undefined || sum.includes('-') ? null : Buffer.from(sum, 'base64').toString('hex');

async function* noBytes(): AsyncIterable<Uint8Array> {}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Nothing is loaded and nothing is connected before the first call. */
export function openBucket(config: S3StoreConfig): S3Bucket {
  const { bucket: Bucket, prefix, endpoint } = config;
  const place: S3Place = { url: `s3://${Bucket}/${prefix}`, bucket: Bucket, endpoint: endpoint ?? null };
  const fullKey = (key: string): string => `${prefix}/${key}`;
  let opened: Promise<S3Session> | null = null;
  const session = (): Promise<S3Session> => {
    opened ??= openSession(config);
    return opened;
  };
  const reading = (error: unknown, doing: string) => storeError(error, 'STORE_NOT_READABLE', doing, place);
  const writing = (error: unknown, doing: string) => storeError(error, 'STORE_NOT_WRITABLE', doing, place);

  const head: S3Bucket['head'] = async (key) => {
    try {
      const { sdk, client } = await session();
      const found = await client.send(
        new sdk.HeadObjectCommand({ Bucket, Key: fullKey(key), ChecksumMode: 'ENABLED' }),
      );
      return {
        bytes: found.ContentLength ?? 0,
        sha256: wholeSha256(found.ChecksumSHA256),
        modified: found.LastModified ?? new Date(0),
        metadata: found.Metadata ?? {},
      };
    } catch (error) {
      // An answer without a body does not say whether the key or the bucket is missing.
      if (isMissingHead(error)) return null;
      throw reading(error, `look up ${key}`);
    }
  };

  const putOnce = async (key: string, body: Uint8Array, { ifAbsent, metadata }: PutOptions, writeId: string) => {
    const { sdk, client } = await session();
    await client.send(
      new sdk.PutObjectCommand({
        Bucket,
        Key: fullKey(key),
        Body: body,
        ContentLength: body.byteLength,
        ChecksumSHA256: sha256Base64(body),
        Metadata: { ...metadata, [WRITE_ID]: writeId },
        ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
      }),
    );
  };

  /** Every page of a listing: keys, and with a delimiter what other keys begin with. */
  const listing = async (keyPrefix: string, how: { readonly StartAfter?: string; readonly Delimiter?: string }) => {
    const keys: string[] = [];
    const folders: string[] = [];
    const own = (key: string) => key.slice(prefix.length + 1);
    try {
      const { sdk, client } = await session();
      let token: string | undefined;
      do {
        const next = token === undefined ? {} : { ContinuationToken: token };
        const asked = { Bucket, Prefix: fullKey(keyPrefix), ...how, ...next };
        const page = await client.send(new sdk.ListObjectsV2Command(asked));
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(own(Key));
        for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) folders.push(own(Prefix));
        token = page.NextContinuationToken;
      } while (token !== undefined);
    } catch (error) {
      throw reading(error, `list its ${keyPrefix}`);
    }
    return { keys, folders };
  };

  return {
    place,
    head,
    open: async (key, from = 0) => {
      try {
        const { sdk, client } = await session();
        const range = from === 0 ? {} : { Range: `bytes=${from}-` };
        const found = await client.send(new sdk.GetObjectCommand({ Bucket, Key: fullKey(key), ...range }));
        if (from > 0 && found.ContentRange?.startsWith(`bytes ${from}-`) !== true) {
          throw new Error('the server ignores which bytes are asked for');
        }
        return found.Body as AsyncIterable<Uint8Array>;
      } catch (error) {
        if (isMissing(error)) return null;
        // The connection was cut behind the last byte.
        if (from > 0 && errorFacts(error).status === 416) return noBytes();
        throw reading(error, `read ${key}`);
      }
    },
    put: async (key, body, options) => {
      const writeId = randomUUID();
      for (let attempt = 1; ; attempt += 1) {
        try {
          await putOnce(key, body, options, writeId);
          return true;
        } catch (error) {
          // The SDK repeats a request whose answer got lost; what is in the place may be this very write.
          if (isRefusedCondition(error)) return (await head(key))?.metadata[WRITE_ID] === writeId;
          if (!isConflict(error) || attempt >= CONFLICT_TRIES) throw writing(error, `write ${key}`);
          await pause(CONFLICT_DELAY_MS * attempt * (0.5 + Math.random()));
        }
      }
    },
    remove: async (key) => {
      try {
        const { sdk, client } = await session();
        await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: fullKey(key) }));
      } catch (error) {
        throw writing(error, `remove ${key}`);
      }
    },
    list: async (keyPrefix, after) => {
      const { keys } = await listing(keyPrefix, after === undefined ? {} : { StartAfter: fullKey(after) });
      return keys;
    },
    folders: async (keyPrefix) => (await listing(keyPrefix, { Delimiter: '/' })).folders,
    call: async (doing, work) => {
      try {
        return await work(await session(), fullKey);
      } catch (error) {
        throw writing(error, doing);
      }
    },
  };
}
