import { constants, type Dirent } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOnlyGitEnv } from '../adapters/git/environments.js';
import { gitIn } from '../adapters/git/run-git.js';
import { PromptOsError, systemCode } from '../contracts/errors.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import { counted } from '../contracts/sentences.js';
import { loadPack, requirePromptIndex } from '../prompt-pack/load.js';
import { INDEX_PATH, LOCK_PATH, type PackFiles, packDigest, parsePromptIndex } from '../prompt-pack/pack-files.js';
import { readEnvironment, type Variables } from './environment.js';

/** A prompt is read by people and models: nothing legitimate comes near this. */
const FILE_LIMIT_BYTES = 1_048_576;
/** A folder that holds more is not a pack's own folder; the rest goes unread. */
const FOLDER_LIMIT_FILES = 500;

const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '');

/**
 * The real path of a pack's folder.
 * @throws PromptOsError PACK_NOT_FOUND
 */
async function packFolder(directory: string): Promise<string> {
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

/** The repository's own hooks and monitors are not started. */
const SETTINGS = ['core.fsmonitor=false', 'core.hooksPath=/dev/null'];

/**
 * The version that git gives to a pack: the tag at the commit that is checked out, when the folder is the top of a
 * repository of its own, all the pack's files are tracked, and nothing in it differs from that commit. Null otherwise:
 * the tag of a project that merely contains a pack is the project's, and says nothing about the pack.
 */
async function packTag(folder: string, paths: readonly string[], variables: Variables): Promise<string | null> {
  const place = gitIn({ cwd: folder, env: readOnlyGitEnv(variables) }, SETTINGS);
  const git = async (...args: readonly string[]): Promise<string | null> => {
    // A pack needs no git: without it, the pack has no tag.
    const asked = await place.ask(args).catch(() => null);
    return asked?.exitCode === 0 ? asked.stdout.toString('utf8').replace(/\n$/, '') : null;
  };
  const top = await git('rev-parse', '--show-toplevel');
  if (top === null || (await realpath(top).catch(() => null)) !== (await realpath(folder))) return null;
  const status = await git('status', '--porcelain', '--untracked-files=all');
  if (status !== '') return null;
  if ((await git('ls-files', '--error-unmatch', '--', ...paths)) === null) return null;
  const tag = await git('describe', '--tags', '--exact-match', 'HEAD');
  return tag === null || tag === '' ? null : tag;
}

/** The folder of the prompt pack that comes with this package: two levels above this file, in `src` as in `dist`. */
export const builtInPackDir = (): string => fileURLToPath(new URL('../../prompts', import.meta.url));

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
