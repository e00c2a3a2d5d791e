import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOnlyGitEnv } from '../adapters/git/environments.js';
import { gitIn } from '../adapters/git/run-git.js';
import { PromptOsError, systemCode } from '../contracts/errors.js';
import { isRecord, readJson } from '../contracts/json.js';
import type { PromptIndex, PromptPackBundle } from '../contracts/prompt-pack.js';
import { counted } from '../contracts/sentences.js';
import { formatPromptLock, INDEX_PATH, LOCK_PATH, makePromptLock, packDigest } from '../prompt-pack/pack-digest.js';
import type { Variables } from './environment.js';

/** A prompt is read by people and models: nothing legitimate comes near this. */
const FILE_LIMIT_BYTES = 1_048_576;

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
export async function readPackFile(folder: string, path: string): Promise<string | null> {
  const invalid = (problem: string, cause?: unknown) =>
    new PromptOsError('PACK_INVALID', `${path} of the prompt pack ${problem}.`, {
      cause,
      hint: 'Put a file in its place that is UTF-8 text and can be read.',
    });
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

/** The repository's own hooks and monitors are not started. */
const SETTINGS = ['core.fsmonitor=false', 'core.hooksPath=/dev/null'];

/**
 * The version that git gives to a pack: the tag at the commit that is checked out, when the folder is the top of a
 * repository of its own, all the pack's files are tracked, and nothing in it differs from that commit. Null otherwise:
 * the tag of a project that merely contains a pack is the project's, and says nothing about the pack.
 */
export async function packTag(folder: string, paths: readonly string[], variables: Variables): Promise<string | null> {
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
 * What identifies a pack whose files are what its lock says, to the byte. Null for any other: it has to be judged, by
 * `readPromptPack`, for which schemas and a parser of YAML are loaded.
 * @throws PromptOsError PACK_NOT_FOUND, PACK_INVALID
 */
export async function identifyLockedPack(
  directory: string,
  variables: Variables,
): Promise<Pick<PromptPackBundle, 'prompt_os_version' | 'digest'> | null> {
  const folder = await packFolder(directory);
  const texts: [string, string | null][] = [];
  for (const path of [INDEX_PATH, LOCK_PATH]) texts.push([path, await readPackFile(folder, path)]);
  const index = readJson(texts[0]?.[1] ?? '');
  if (!isIndex(index)) return null;
  for (const { path } of index.prompts) texts.push([path, await readPackFile(folder, path)]);
  const files = Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== null));
  if (files[LOCK_PATH] !== formatPromptLock(makePromptLock(files, index))) return null;
  const tag = await packTag(folder, Object.keys(files), variables);
  return { prompt_os_version: tag ?? index.prompt_os_version, digest: packDigest(files, index) };
}

/** As far as the digest needs it. */
const isIndex = (value: unknown): value is PromptIndex =>
  isRecord(value) &&
  typeof value.prompt_os_version === 'string' &&
  Array.isArray(value.prompts) &&
  value.prompts.every(
    (entry) => isRecord(entry) && [entry.prompt_id, entry.version, entry.path].every((one) => typeof one === 'string'),
  );
