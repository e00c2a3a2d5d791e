import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../contracts/errors.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import { loadPack, requirePromptIndex } from '../prompt-pack/load.js';
import { INDEX_PATH, LOCK_PATH, type PackFiles, packDigest } from '../prompt-pack/pack-digest.js';
import { parsePromptIndex } from '../prompt-pack/pack-files.js';
import { readEnvironment, type Variables } from './environment.js';
import { packFolder, packTag, readPackFile } from './pack-folder.js';

/** A folder that holds more is not a pack's own folder; the rest goes unread. */
const FOLDER_LIMIT_FILES = 500;

/**
 * The index, the lock and the prompts that the index names, as far as they are there. Nothing is judged: a broken index
 * simply names nothing.
 * @throws PromptOsError PACK_NOT_FOUND without a folder or an index, PACK_INVALID for a file that cannot be taken
 */
async function readIndexedFiles(directory: string): Promise<PackFiles> {
  const folder = await packFolder(directory);
  const indexText = await readPackFile(folder, INDEX_PATH);
  if (indexText === null) {
    throw new PromptOsError('PACK_NOT_FOUND', `The folder ${directory} has no ${INDEX_PATH}.`);
  }
  const parsed = parsePromptIndex(indexText);
  const named = parsed.ok ? parsed.index.prompts.map(({ path }) => path) : [];
  const files: [string, string][] = [[INDEX_PATH, indexText]];
  for (const path of new Set([LOCK_PATH, ...named])) {
    const text = path === INDEX_PATH ? null : await readPackFile(folder, path);
    if (text !== null) files.push([path, text]);
  }
  return Object.fromEntries(files);
}

const isOrdinary = ({ name }: Dirent): boolean => !name.startsWith('.') && name !== 'node_modules';

async function listFiles(folder: string, prefix: string, found: string[]): Promise<void> {
  const entries = (await readdir(join(folder, prefix), { withFileTypes: true })).filter(isOrdinary);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (found.length >= FOLDER_LIMIT_FILES) return;
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory()) await listFiles(folder, `${path}/`, found);
    else if (entry.isFile()) found.push(path);
  }
}

/**
 * Everything in a pack's folder, for the linter: also files that the index does not name. Hidden files and
 * `node_modules` are left out; a file that is no text is there with an empty text.
 * @throws PromptOsError PACK_NOT_FOUND, PACK_INVALID
 */
export async function readPackFolder(directory: string): Promise<PackFiles> {
  const indexed = await readIndexedFiles(directory);
  const folder = await packFolder(directory);
  const found: string[] = [];
  await listFiles(folder, '', found);
  const others: [string, string][] = [];
  for (const path of found) {
    if (!Object.hasOwn(indexed, path)) others.push([path, (await readPackFile(folder, path).catch(() => null)) ?? '']);
  }
  return { ...Object.fromEntries(others), ...indexed };
}

/**
 * Reads a pack as a run would use it: index, lock and indexed prompts, complete and in agreement with the lock. Its
 * version is the git tag only when DIR's own repository is clean and exactly at it, else the index's.
 * @throws PromptOsError PACK_NOT_FOUND, PACK_INVALID, PACK_LOCK_MISMATCH
 */
export async function readPromptPack(directory: string, variables?: Variables): Promise<PromptPackBundle> {
  const files = await readIndexedFiles(directory);
  const index = requirePromptIndex(files);
  const bundle = { schema_version: 1, digest: packDigest(files, index), files } as const;
  const untagged = { ...bundle, prompt_os_version: index.prompt_os_version };
  loadPack(untagged);
  const tag = await packTag(await packFolder(directory), Object.keys(files), variables ?? readEnvironment().variables);
  return tag === null ? untagged : { ...bundle, prompt_os_version: tag };
}
