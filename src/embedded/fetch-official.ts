import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import type { Response } from 'undici';
import { z } from 'zod';
import { proxyFor } from '../config/proxy.js';
import type { Environment } from './cache-folder.js';
import type { ToolPin } from './tool-pins.js';

/** Temporal's own download service, which its SDKs use for their test servers. */
export const OFFICIAL_HOST = 'https://temporal.download';

const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const MAX_REDIRECTS = 5;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const downloadSchema = z.object({ archiveUrl: z.url(), fileToExtract: z.string().min(1) });

/** Redirects are followed one by one, since each host has a route of its own. */
async function get(url: URL, env: Environment): Promise<Response> {
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

function proxyTo({ protocol, hostname, port }: URL, env: Environment): URL | null {
  const spoken = protocol === 'http:' ? 'http' : 'https';
  return proxyFor(env, spoken, hostname, Number(port) || (spoken === 'http' ? 80 : 443));
}

/**
 * Takes the executable out of the official archive: the service is asked where that is, as the SDK's core asks.
 * @param folder an empty folder of ours.
 * @returns the executable's path, not yet checked.
 * @throws Error with a reason for a person.
 */
export async function fetchOfficial(
  tool: ToolPin,
  folder: string,
  env: Environment,
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
  const result = await execa('tar', ['-xzf', 'archive.tar.gz', fileToExtract], { cwd: folder, reject: false });
  if (result.failed) throw new Error(`the archive could not be unpacked: ${result.stderr || result.shortMessage}`);
  return join(folder, fileToExtract);
}
