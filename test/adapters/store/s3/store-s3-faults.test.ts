import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkS3Store, createS3Store } from '../../../../src/adapters/store/s3/s3-store.js';
import type { S3StoreConfig } from '../../../../src/contracts/config/store-config.js';
import { ERROR_CATALOGUE } from '../../../../src/contracts/errors.js';
import type { ArtifactStore } from '../../../../src/ports/artifact-store.js';
import { cut, type S3Answer, type ScriptedS3, s3Error, startScriptedS3, status } from '../../../support/scripted-s3.js';

/*
 * What a real server does not do at will: answers that get lost, connections that are cut, a server that is busy, or that
 * ignores the condition of a write.
 */

const ENTRY = new TextEncoder().encode('entry');
const TAKEN = s3Error(412, 'PreconditionFailed');

let server: ScriptedS3;
let config: S3StoreConfig;
let store: ArtifactStore;
beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'true');
  server = await startScriptedS3();
  config = { kind: 's3', bucket: 'runs', prefix: 'shop', endpoint: server.endpoint };
  store = createS3Store(config);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

test('a server that ignores If-None-Match is refused before anything is written', async () => {
  server.ignoreConditions();
  await expect(store.appendJournal('run-1', ENTRY, 0)).rejects.toMatchObject({
    code: 'STORE_NOT_WRITABLE',
    message: expect.stringContaining('overwrites what a conditional write (If-None-Match) must not'),
  });
  expect(new Set(server.requests)).toEqual(new Set(['PUT /runs/shop/conditional-writes']));
});

test('appendJournal: an entry whose answer got lost has won, one in the place of another has not', async () => {
  let written: Readonly<Record<string, string>> = {};
  const writtenButLost: S3Answer = (request) => {
    written = { 'x-amz-meta-promptos-write': String(request.headers['x-amz-meta-promptos-write']) };
    request.socket.destroy();
  };
  const whatWasWritten: S3Answer = (_, response) => void response.writeHead(200, written).end();
  server.script(writtenButLost, TAKEN, whatWasWritten);
  expect(await store.appendJournal('run-1', ENTRY, 0)).toBe(true);
  server.script(TAKEN, status(200, { 'x-amz-meta-promptos-write': 'of another writer' }));
  expect(await store.appendJournal('run-1', ENTRY, 0)).toBe(false);
});

test('appendJournal: a conflict with another write at the same moment is tried again', async () => {
  server.script(s3Error(409, 'ConditionalRequestConflict'), status(200));
  expect(await store.appendJournal('run-1', ENTRY, 0)).toBe(true);
});

test('openObject: goes on where the connection was cut, and reads nothing twice', async () => {
  const bytes = Buffer.from('0123456789'.repeat(1_000));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const ranges: (string | undefined)[] = [];
  const half: S3Answer = (request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/=(\d+)-/.exec(request.headers.range ?? 'bytes=0-')?.[1]);
    const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from === 0 ? 200 : 206, {
      'content-length': String(bytes.length - from),
      ...(from === 0 ? {} : range),
    });
    response.write(bytes.subarray(from, from + 4_000), () =>
      from + 4_000 < bytes.length ? response.destroy() : response.end(),
    );
  };
  server.otherwise(half);
  expect(Buffer.from(await store.readObject(sha256)).equals(bytes)).toBe(true);
  expect(ranges).toEqual([undefined, 'bytes=4000-', 'bytes=8000-']);
});

test('openObject: a server that ignores from where it is asked is STORE_NOT_READABLE, not read for ever', async () => {
  server.otherwise((_, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('01234', () => response.destroy());
  });
  await expect(store.readObject('0'.repeat(64))).rejects.toMatchObject({
    code: 'STORE_NOT_READABLE',
    message: expect.stringContaining('ignores which bytes are asked for'),
  });
});

test('openObject: STORE_NOT_READABLE when the connection is cut again and again', async () => {
  const nothing: S3Answer = (_, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.flushHeaders();
    setTimeout(() => response.destroy(), 5);
  };
  server.otherwise(nothing);
  await expect(store.readObject('0'.repeat(64))).rejects.toMatchObject({ code: 'STORE_NOT_READABLE', retryable: true });
  expect(server.requests.length).toBeLessThan(10);
});

test('readObject: a web server without the page is no store without the object', async () => {
  server.otherwise(status(404, { 'content-type': 'text/html' }, '<p>Nothing here'));
  await expect(store.readObject('0'.repeat(64))).rejects.toMatchObject({ code: 'STORE_NOT_READABLE' });
  server.otherwise(s3Error(404, 'NoSuchKey'));
  await expect(store.readObject('0'.repeat(64))).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
});

test('readJournal: a listing of several pages is read to its end', async () => {
  const page = (seq: number, next: string): S3Answer =>
    status(
      200,
      {},
      `<ListBucketResult><Contents><Key>shop/journals/run-1/0000000${seq}.json</Key></Contents>${next}</ListBucketResult>`,
    );
  server.script(page(0, '<NextContinuationToken>more</NextContinuationToken>'), page(1, ''));
  server.otherwise(status(200, {}, 'entry'));
  expect(await store.readJournal('run-1')).toEqual([Buffer.from('entry'), Buffer.from('entry')]);
});

test('putObject: a temporary file that cannot be made is STORE_NOT_WRITABLE and names TMPDIR', async () => {
  vi.stubEnv('TMPDIR', '/nowhere/at/all');
  const large = (async function* () {
    for (let part = 0; part < 9; part += 1) yield Buffer.alloc(1_048_576);
  })();
  await expect(store.putObject(large)).rejects.toMatchObject({
    code: 'STORE_NOT_WRITABLE',
    message: expect.stringMatching(/temporary file in \/nowhere\/at\/all.*TMPDIR/),
  });
});

test('a busy server and a cut connection are tried again before anybody hears of them', async () => {
  server.script(s3Error(503, 'SlowDown'), cut, status(200));
  expect(await store.appendJournal('run-1', ENTRY, 0)).toBe(true);
});

test('loopback is never proxied, whatever the variables say', async () => {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
    vi.stubEnv(name, name === 'NODE_USE_ENV_PROXY' ? '1' : 'http://127.0.0.1:9');
  }
  server.script(status(200));
  expect(await store.appendJournal('run-1', ENTRY, 0)).toBe(true);
});

test.each([
  [
    'a bucket that is missing',
    s3Error(404, 'NoSuchBucket'),
    'STORE_NOT_READABLE',
    /no bucket runs at .*Make the bucket/,
  ],
  ['a wrong secret', s3Error(403, 'SignatureDoesNotMatch'), 'STORE_NOT_READABLE', /does not fit.*AWS_PROFILE/],
  ['expired credentials', s3Error(400, 'ExpiredToken'), 'STORE_NOT_READABLE', /have expired/],
  ['a missing permission', s3Error(403, 'AccessDenied'), 'STORE_NOT_READABLE', /do not allow it.*docs\/stores\.md/],
  ['another region', s3Error(301, 'PermanentRedirect'), 'STORE_NOT_READABLE', /another region.*store\.region/],
  ['a clock that is wrong', s3Error(403, 'RequestTimeTooSkewed'), 'STORE_NOT_READABLE', /clock differs/],
  ['a full server', s3Error(507, 'InsufficientStorage'), 'STORE_FULL', /Free some space/],
  ['a part of S3 that is missing', s3Error(501, 'NotImplemented'), 'STORE_NOT_READABLE', /lacks a part of S3/],
  ['a web page that is missing', status(404, {}, '<p>Nothing here'), 'STORE_NOT_READABLE', /not S3.*store\.endpoint/],
  ['a web page', status(200, {}, '<!doctype html><p>Hello<br>'), 'STORE_NOT_READABLE', /not S3.*store\.endpoint/],
] as const)('checkS3Store: %s is said with what to do, and is tried again', async (_, answer, code, message) => {
  server.otherwise(answer);
  const refusal = await checkS3Store(config).catch((error: Error) => error);
  expect(refusal).toMatchObject({ code, retryable: true, message: expect.stringMatching(message) });
  expect((refusal as Error).message).not.toContain('\n');
  expect(ERROR_CATALOGUE[code].retryable).toBe(true);
});

test('checkS3Store: missing credentials are an error that names the variables', async () => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
  await expect(checkS3Store(config)).rejects.toMatchObject({
    message: expect.stringMatching(/no AWS credentials were found.*AWS_ACCESS_KEY_ID/),
  });
  expect(server.requests).toEqual([]);
});

test('the SDK is loaded by the first call of an S3 store and by nothing else', async () => {
  const root = fileURLToPath(new URL('../../../../src', import.meta.url));
  const files = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.ts'));
  const texts = await Promise.all(files.map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const));
  const loading = texts.filter(([, text]) => /^import (?!type )[^;]*from '@aws-sdk\/|^import '@aws-sdk\//m.test(text));
  expect(loading.map(([path]) => path)).toEqual([]);
  const lazily = texts.filter(([, text]) => /await import\('@aws-sdk\//.test(text));
  expect(lazily.map(([path]) => path)).toEqual(['adapters/store/s3/s3-bucket.ts']);
});
