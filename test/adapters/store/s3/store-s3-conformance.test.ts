import { createHash, randomUUID } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkS3Store, createS3Store } from '../../../../src/adapters/store/s3/s3-store.js';
import type { S3StoreConfig } from '../../../../src/contracts/config/store-config.js';
import { findS3Server, S3_BUCKET, S3_CREDENTIALS, type S3Server, startS3Server } from '../../../support/s3-server.js';
import { describeArtifactStore } from '../artifact-store-conformance.js';

const program = await findS3Server();
const MEBIBYTE = 1_048_576;

describe.skipIf(program === null)('S3 server (skipped without Go, which builds it)', () => {
  let server: S3Server;
  beforeAll(async () => {
    Object.assign(process.env, S3_CREDENTIALS);
    server = await startS3Server(program as string);
  });
  afterAll(() => server.stop());

  const freshConfig = (): S3StoreConfig => ({
    kind: 's3',
    bucket: S3_BUCKET,
    prefix: `test/${randomUUID()}`,
    endpoint: server.endpoint,
  });
  const keyOf = ({ prefix }: S3StoreConfig, sha256: string): string =>
    `${prefix}/objects/${sha256.slice(0, 2)}/${sha256.slice(2)}`;
  const unfinished = async ({ prefix }: S3StoreConfig): Promise<readonly string[]> => {
    const { Uploads = [] } = await server.client.send(
      new ListMultipartUploadsCommand({ Bucket: S3_BUCKET, Prefix: prefix }),
    );
    return Uploads.map(({ Key = '' }) => Key);
  };
  const keys = async ({ prefix }: S3StoreConfig): Promise<readonly string[]> => {
    const { Contents = [] } = await server.client.send(
      new ListObjectsV2Command({ Bucket: S3_BUCKET, Prefix: `${prefix}/` }),
    );
    return Contents.map(({ Key = '' }) => Key.slice(prefix.length + 1));
  };
  const overwrite = (config: S3StoreConfig, key: string, Body: Uint8Array) =>
    server.client.send(new PutObjectCommand({ Bucket: S3_BUCKET, Key: `${config.prefix}/${key}`, Body }));

  describeArtifactStore('S3 store', async () => {
    const config = freshConfig();
    return {
      store: createS3Store(config),
      reopen: () => createS3Store(config),
      damageObject: async (sha256, bytes) => {
        await server.client.send(new PutObjectCommand({ Bucket: S3_BUCKET, Key: keyOf(config, sha256), Body: bytes }));
      },
      unfinished: () => unfinished(config),
      leftByKilledPut: 0,
      child: {
        entry: fileURLToPath(new URL('store-s3-child.ts', import.meta.url)),
        arguments: [JSON.stringify(config)],
      },
      remove: async () => undefined,
    };
  });

  const large = Buffer.alloc(20 * MEBIBYTE + 7, 'large');
  const inMebibytes = async function* (bytes: Uint8Array): AsyncIterable<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; at += MEBIBYTE) yield bytes.subarray(at, at + MEBIBYTE);
  };

  test('putObject: a large object goes up in parts, each with a SHA-256, from memory and from a stream', async () => {
    for (const content of [large, inMebibytes(large)]) {
      const config = freshConfig();
      const stored = await createS3Store(config).putObject(content);
      expect(stored).toEqual({ sha256: createHash('sha256').update(large).digest('hex'), bytes: large.byteLength });
      const head = await server.client.send(
        new HeadObjectCommand({ Bucket: S3_BUCKET, Key: keyOf(config, stored.sha256), ChecksumMode: 'ENABLED' }),
      );
      expect(head).toMatchObject({ ContentLength: large.byteLength, ChecksumSHA256: expect.stringMatching(/-3$/) });
      expect(Buffer.from(await createS3Store(config).readObject(stored.sha256)).equals(large)).toBe(true);
      expect(await unfinished(config)).toEqual([]);
    }
  });

  test('putObject: of several writers of a large object all succeed, and no upload stays behind', async () => {
    const config = freshConfig();
    const stores = Array.from({ length: 3 }, () => createS3Store(config));
    const all = await Promise.all(stores.map((store) => store.putObject(large)));
    expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(await unfinished(config)).toEqual([]);
  });

  test('putObject: heals an object whose server-side checksum is of other bytes', async () => {
    const config = freshConfig();
    const store = createS3Store(config);
    const { sha256 } = await store.putObject(Buffer.from('precious'));
    await server.client.send(
      new PutObjectCommand({
        Bucket: S3_BUCKET,
        Key: keyOf(config, sha256),
        Body: 'precioUs',
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    await store.putObject(Buffer.from('precious'));
    expect(Buffer.from(await store.readObject(sha256)).toString()).toBe('precious');
  });

  test('publish: a large object, which has no checksum of its whole, is read and checked', async () => {
    const config = freshConfig();
    const store = createS3Store(config);
    const file = { path: 'evidence/log.txt', ...(await store.putObject(large)), media_type: 'text/plain' };
    await store.publish('run-1', [file]);
    const other = Buffer.from(large);
    other[0] = 1;
    await overwrite(config, `objects/${file.sha256.slice(0, 2)}/${file.sha256.slice(2)}`, other);
    await expect(store.publish('run-2', [file])).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
  });

  test('publish: the tree is one manifest beside the objects, and a damaged one is OBJECT_CORRUPT', async () => {
    const config = freshConfig();
    const store = createS3Store(config);
    const file = { path: 'plan.md', ...(await store.putObject(Buffer.from('plan'))), media_type: 'text/plain' };
    await store.publish('run-1', [file]);
    expect(store.locate('run-1')).toBe(`s3://${S3_BUCKET}/${config.prefix}/runs/run-1.json`);
    expect((await keys(config)).filter((key) => key.startsWith('runs/'))).toEqual(['runs/run-1.json']);
    const { Body } = await server.client.send(
      new GetObjectCommand({ Bucket: S3_BUCKET, Key: `${config.prefix}/runs/run-1.json` }),
    );
    const text = (await Body?.transformToString()) ?? '';
    await overwrite(config, 'runs/run-1.json', Buffer.from(text.replace('"plan.md"', '"../../plan.md"')));
    await expect(store.published('run-1')).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    // Its metadata is gone with it; one damaged manifest does not hide the run from a listing.
    expect((await store.list()).map(({ run_id }) => run_id)).toEqual(['run-1']);
  });

  test('abandoned uploads: ended by the next writer when they are a day old, and not before', async () => {
    const config = freshConfig();
    const Key = keyOf(config, '0'.repeat(64));
    const { UploadId } = await server.client.send(new CreateMultipartUploadCommand({ Bucket: S3_BUCKET, Key }));
    await server.client.send(
      new UploadPartCommand({ Bucket: S3_BUCKET, Key, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * MEBIBYTE) }),
    );
    await createS3Store(config).putObject(Buffer.from('young'));
    expect(await unfinished(config)).toEqual([Key]);
    const entries = await readdir(join(server.folder, 'data'), { recursive: true });
    const old = new Date(Date.now() - 25 * 3_600_000);
    for (const entry of entries.filter((path) => path.endsWith(UploadId ?? '-'))) {
      await utimes(join(server.folder, 'data', entry), old, old);
    }
    await createS3Store(config).putObject(Buffer.from('old'));
    expect(await unfinished(config)).toEqual([]);
  });

  test('checkS3Store: leaves one small object, however often it is asked', async () => {
    const config = freshConfig();
    for (let time = 0; time < 3; time += 1) await checkS3Store(config);
    expect(await keys(config)).toEqual(['conditional-writes']);
  });

  test('errors: a wrong bucket, a wrong secret, an unknown access key and a closed port each say what to do', async () => {
    const put = (changes: Partial<S3StoreConfig>) =>
      createS3Store({ ...freshConfig(), ...changes }).putObject(Buffer.from('x'));
    await expect(put({ bucket: 'no-such-bucket' })).rejects.toMatchObject({
      code: 'STORE_NOT_WRITABLE',
      message: expect.stringMatching(/there is no bucket no-such-bucket at http.*Make the bucket/s),
    });
    await expect(createS3Store({ ...freshConfig(), bucket: 'no-such-bucket' }).list()).rejects.toMatchObject({
      code: 'STORE_NOT_READABLE',
      message: expect.stringContaining('there is no bucket no-such-bucket'),
    });
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    await expect(put({})).rejects.toMatchObject({
      code: 'STORE_NOT_WRITABLE',
      retryable: true,
      message: expect.stringMatching(/secret access key does not fit.*AWS_ACCESS_KEY_ID/s),
    });
    process.env.AWS_ACCESS_KEY_ID = 'nobody';
    await expect(put({})).rejects.toMatchObject({ message: expect.stringContaining('does not know the access key') });
    Object.assign(process.env, S3_CREDENTIALS);
    await expect(put({ endpoint: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'STORE_NOT_WRITABLE',
      message: expect.stringMatching(/nothing answers at the endpoint at http:\/\/127.0.0.1:9 .*store.endpoint/s),
    });
  });
});
