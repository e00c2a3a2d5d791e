import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { withLock } from '../../src/adapters/platform/lock.js';
import { cacheFolder } from '../../src/config/user-folders.js';
import { openLog } from '../../src/embedded/background-process.js';
import { choosePorts } from '../../src/embedded/server.js';
import { SERVER_IP } from '../../src/embedded/temporal-cli.js';
import { startGuarded } from './guarded-server.js';

/** The S3 server of the tests: versitygw keeps buckets in a folder. It is built from source, once for each version. */
const MODULE = 'github.com/versity/versitygw/cmd/versitygw';
const VERSION = '1.8.0';
const READY_TIMEOUT_MS = 30_000;
const BUILD_TIMEOUT_MS = 15 * 60_000;

/** What the tests' server takes; the SDK finds them in the environment. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'promptos', AWS_SECRET_ACCESS_KEY: 'promptos-test-secret' } as const;
// What the SDK says of Node's age is no finding of a test.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export const S3_BUCKET = 'governed-runs';

/**
 * The server's program out of the cache, built first when it is missing: that takes minutes.
 * @returns null where the program is not at hand and cannot be built
 */
export async function findS3Server(): Promise<string | null> {
  const cache = cacheFolder(process.env);
  const path = join(cache, `versitygw-${VERSION}-${process.platform}-${process.arch}`, 'versitygw');
  const isBuilt = async () => (await stat(path).catch(() => null)) !== null;
  if (await isBuilt()) return path;
  if ((await execa('go', ['version'], { reject: false })).failed) return null;
  await mkdir(cache, { recursive: true });
  // Of several test files at once, one builds.
  return withLock(join(cache, 'versitygw-build-lock'), { timeoutMs: 2 * BUILD_TIMEOUT_MS }, async () =>
    (await isBuilt()) || (await build(cache, path)) ? path : null,
  );
}

/** @returns false where Go cannot get the sources: then the suite is skipped, as without Go */
async function build(cache: string, path: string): Promise<boolean> {
  process.stderr.write(`Building ${MODULE}@v${VERSION} once, which takes some minutes …\n`);
  const folder = await mkdtemp(join(cache, 'fetch-'));
  try {
    const env = { GOBIN: folder, CGO_ENABLED: '0' };
    const argv = ['install', '-p=2', `${MODULE}@v${VERSION}`];
    const built = await execa('go', argv, { env, reject: false, timeout: BUILD_TIMEOUT_MS });
    if (built.failed) {
      process.stderr.write(`The S3 server of the tests cannot be built: ${built.stderr.slice(-500)}\n`);
      return false;
    }
    await mkdir(dirname(path), { recursive: true });
    await rename(join(folder, 'versitygw'), path);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface S3Server {
  /** Such as `http://127.0.0.1:7070`. */
  readonly endpoint: string;
  /** Where the server keeps the bucket and the parts of unfinished uploads. */
  readonly folder: string;
  /** A client with the root's credentials, to reach behind a store's back. */
  readonly client: S3Client;
  stop(): Promise<void>;
}

/** A server of a test file's own with one bucket. */
export async function startS3Server(program: string): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-s3-'));
  for (const name of ['data', 'versions']) await mkdir(join(folder, name));
  const [port = 0] = await choosePorts(SERVER_IP, [undefined]);
  const log = await openLog(`${folder}.log`);
  const argv = [program, '--port', `${SERVER_IP}:${port}`, '--quiet', '--keep-alive', 'posix'];
  const server = startGuarded(folder, [...argv, '--versioning-dir', join(folder, 'versions'), join(folder, 'data')], {
    log: log.handle.fd,
    env: {
      PATH: process.env.PATH,
      ROOT_ACCESS_KEY: S3_CREDENTIALS.AWS_ACCESS_KEY_ID,
      ROOT_SECRET_KEY: S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    },
  });
  await log.handle.close();
  const endpoint = `http://${SERVER_IP}:${port}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: S3_CREDENTIALS.AWS_ACCESS_KEY_ID,
      secretAccessKey: S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    },
  });
  const stop = async () => {
    client.destroy();
    await server.stop();
    await rm(`${folder}.log`, { force: true });
  };
  for (const end = Date.now() + READY_TIMEOUT_MS; ; ) {
    const answer = await fetch(endpoint).catch(() => null);
    if (answer !== null) break;
    if (!server.alive() || Date.now() > end) {
      const text = await readFile(`${folder}.log`, 'utf8').catch(() => 'there is no log');
      await stop();
      throw new Error(`no S3 server came up: ${text.slice(-2_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await client.send(new CreateBucketCommand({ Bucket: S3_BUCKET }));
  return { endpoint, folder, client, stop };
}
