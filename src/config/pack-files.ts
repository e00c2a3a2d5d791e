import { constants, type Dirent } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { PromptOsError } from '../contracts/errors.js';
import { counted } from '../contracts/sentences.js';
import { systemCode } from '../contracts/system-code.js';
import { INDEX_PATH, LOCK_PATH, type PackFiles } from '../prompt-pack/pack-files.js';
import { parsePromptIndex } from '../prompt-pack/pack-index.js';

/** A prompt is read by people and models: nothing legitimate comes near this. */
const FILE_LIMIT_BYTES = 1_048_576;
/** A folder that holds more is not a pack's own folder; the rest goes unread. */
const FOLDER_LIMIT_FILES = 500;

const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '');

/**
 * The real path of a pack's folder.
 * @throws PromptOsError PACK_NOT_FOUND
 */
export async function packFolder(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (error) {
    const why = isAbsent(error) ? 'there is no such folder' : (systemCode(error) ?? String(error));
    throw new PromptOsError('PACK_NOT_FOUND', `The prompt pack ${directory} cannot be read: ${why}.`, { cause: error });
  }
}

/**
 * The exact text of one file of a pack, or null when there is none.
 * @param folder the pack's real path, which the file, symbolic links followed, must not leave
 * @throws PromptOsError PACK_INVALID
 */
async function readPackFile(folder: string, path: string): Promise<string | null> {
  const invalid = (problem: string, cause?: unknown) =>
    new PromptOsError('PACK_INVALID', `${path} of the prompt pack ${problem}.`, { cause });
  let real: string;
  try {
    real = await realpath(join(folder, path));
  } catch (error) {
    if (isAbsent(error)) return null;
    throw invalid(`cannot be read: ${systemCode(error) ?? String(error)}`, error);
  }
  if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
    throw invalid("leads out of the pack's folder; a pack holds all its files itself");
  }
  // Without waiting for a writer: a named pipe in a pack must not hold the program up.
  try {
    await using file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw invalid('is not a file');
    if (stats.size > FILE_LIMIT_BYTES) {
      throw invalid(`holds ${counted(stats.size, 'byte')}; expected ${FILE_LIMIT_BYTES} at the most`);
    }
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.readFile());
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    if (error instanceof TypeError) throw invalid('is not UTF-8 text', error);
    throw invalid(`cannot be read: ${systemCode(error) ?? String(error)}`, error);
  }
}

/**
 * The index, the lock and the prompts that the index names, as far as they are there. Nothing is judged: a broken index
 * simply names nothing.
 * @throws PromptOsError PACK_NOT_FOUND without a folder or an index, PACK_INVALID for a file that cannot be taken
 */
export async function readIndexedFiles(directory: string): Promise<PackFiles> {
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
