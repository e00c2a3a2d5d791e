import { sha256Hex } from '../contracts/digest.js';
import { PromptOsError } from '../contracts/errors.js';
import { PROMPT_IDS, type PromptId } from '../contracts/names.js';
import type { PromptIndex, PromptPackBundle } from '../contracts/prompt-pack.js';
import { oncePerObject } from '../contracts/remember.js';
import type { Problem } from './located-document.js';
import { comparePromptLock, parsePromptLock } from './lock.js';
import { INDEX_PATH, LOCK_PATH, type PackFiles, packDigest, packFile } from './pack-digest.js';
import { parsePromptIndex } from './pack-files.js';

/** One prompt of a loaded pack. */
interface LoadedPrompt {
  readonly prompt_id: PromptId;
  readonly name: string;
  readonly version: string;
  readonly owner: string;
  /** Relative to the pack's folder. */
  readonly path: string;
  /** Of the whole file, front matter included. */
  readonly sha256: string;
  /** The whole file. */
  readonly text: string;
}

/** A pack that is complete and agrees with its lock. */
export interface PromptPack {
  readonly version: string;
  readonly digest: string;
  readonly prompts: Readonly<Record<PromptId, LoadedPrompt>>;
}

const firstOf = (path: string, problems: readonly Problem[]): string => {
  const [first] = problems;
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `${path}:${first?.line ?? 1}: ${first?.message ?? 'unreadable'}${rest}.`;
};

/**
 * The index of a pack's files.
 * @throws PromptOsError PACK_NOT_FOUND without an index, PACK_INVALID when it cannot be read.
 */
export function requirePromptIndex(files: PackFiles): PromptIndex {
  const text = packFile(files, INDEX_PATH);
  if (text === undefined) throw new PromptOsError('PACK_NOT_FOUND', `The prompt pack has no ${INDEX_PATH}.`);
  const parsed = parsePromptIndex(text);
  if (!parsed.ok) throw new PromptOsError('PACK_INVALID', firstOf(INDEX_PATH, parsed.problems));
  return parsed.index;
}

function loadPrompt(files: PackFiles, index: PromptIndex, id: PromptId): LoadedPrompt {
  const entries = index.prompts.filter(({ prompt_id }) => prompt_id === id);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) {
    throw new PromptOsError(
      'PACK_INVALID',
      `Expected ${INDEX_PATH} to name the prompt ${id} once; it names it ${entries.length} times.`,
    );
  }
  const text = packFile(files, entry.path);
  if (text === undefined) {
    throw new PromptOsError('PACK_INVALID', `${INDEX_PATH} names ${entry.path} for ${id}; there is no such file.`);
  }
  const { name, version, owner, path } = entry;
  return { prompt_id: id, name, version, owner, path, sha256: sha256Hex(text), text };
}

function checkLock(files: PackFiles, index: PromptIndex): void {
  const text = packFile(files, LOCK_PATH);
  if (text === undefined) return;
  const parsed = parsePromptLock(text);
  if (!parsed.ok) throw new PromptOsError('PACK_INVALID', firstOf(LOCK_PATH, parsed.problems));
  const differences = comparePromptLock(parsed.lock, files, index);
  if (differences.length > 0) {
    const message = differences.map((difference) => difference.message).join('; ');
    throw new PromptOsError('PACK_LOCK_MISMATCH', `The prompt pack differs from its lock: ${message}.`);
  }
}

/**
 * Makes a bundle's files usable: the index is read, each of the seven prompts is there, digests agree with the lock.
 * It does not lint: a pack with lesser faults loads, and the run's record says that its linter did not pass.
 * @throws PromptOsError PACK_NOT_FOUND, PACK_INVALID, PACK_LOCK_MISMATCH
 */
export const loadPack = oncePerObject((bundle: PromptPackBundle): PromptPack => {
  const { files } = bundle;
  const index = requirePromptIndex(files);
  const prompts = Object.fromEntries(PROMPT_IDS.map((id) => [id, loadPrompt(files, index, id)]));
  checkLock(files, index);
  const digest = packDigest(files, index);
  if (digest !== bundle.digest) {
    throw new PromptOsError('PACK_INVALID', `The bundle says that its digest is ${bundle.digest}; it is ${digest}.`);
  }
  return { version: bundle.prompt_os_version, digest, prompts: prompts as Record<PromptId, LoadedPrompt> };
});
