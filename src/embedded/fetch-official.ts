import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { z } from 'zod';
import type { ToolPin } from './tool-pins.js';

/** Temporal's own download service, which its SDKs use for their test servers. */
export const OFFICIAL_HOST = 'https://temporal.download';

const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const downloadSchema = z.object({ archiveUrl: z.url(), fileToExtract: z.string().min(1) });

async function get(url: string | URL): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`it answered ${response.status} ${response.statusText}`);
  return response;
}

/**
 * Takes the executable out of the official archive: the service is asked where that is, as the SDK's core asks.
 * @param folder an empty folder of ours.
 * @returns the executable's path, not yet checked.
 * @throws Error with a reason for a person.
 */
export async function fetchOfficial(tool: ToolPin, folder: string, host: string = OFFICIAL_HOST): Promise<string> {
  const url = new URL(`/${tool.official_name}/v${tool.version}`, host);
  url.searchParams.set('platform', process.platform);
  url.searchParams.set('arch', ARCHITECTURES[process.arch] ?? process.arch);
  url.searchParams.set('format', 'tar.gz');
  const { archiveUrl, fileToExtract } = downloadSchema.parse(await (await get(url)).json());

  const { body } = await get(archiveUrl);
  if (body === null) throw new Error('it sent an empty archive');
  await pipeline(Readable.fromWeb(body), createWriteStream(join(folder, 'archive.tar.gz')));
  const result = await execa('tar', ['-xzf', 'archive.tar.gz', fileToExtract], { cwd: folder, reject: false });
  if (result.failed) throw new Error(`the archive could not be unpacked: ${result.stderr || result.shortMessage}`);
  return join(folder, fileToExtract);
}
