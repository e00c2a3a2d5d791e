import { sha256Hex } from '../contracts/digest.js';
import { canonicalSha256, prettyJson } from '../contracts/json.js';
import { PROMPT_IDS } from '../contracts/names.js';
import type { PromptIndex, PromptLock } from '../contracts/prompt-pack.js';

/** A pack's files: path relative to the pack's folder → text. */
export type PackFiles = Readonly<Record<string, string>>;

export const INDEX_PATH = 'prompts.index.json';
export const LOCK_PATH = 'prompts.lock.json';

/** The file's text; undefined when the pack has no such file, whatever the path is called. */
export const packFile = (files: PackFiles, path: string): string | undefined =>
  Object.hasOwn(files, path) ? files[path] : undefined;

/**
 * What identifies a pack: the SHA-256 of the canonical JSON of `{ path: sha256 }` over the index and the prompts that it
 * names. The lock is left out, so that locking a pack does not change it; a prompt that is missing is left out too.
 */
export function packDigest(files: PackFiles, index: PromptIndex): string {
  const paths = new Set([INDEX_PATH, ...index.prompts.map(({ path }) => path)]);
  const digests = [...paths].flatMap((path) => {
    const text = packFile(files, path);
    return text === undefined ? [] : [[path, sha256Hex(text)] as const];
  });
  return canonicalSha256(Object.fromEntries(digests));
}

/** The lock of the files as they are; prompts that are missing are left out. */
export function makePromptLock(files: PackFiles, index: PromptIndex): PromptLock {
  const entries = PROMPT_IDS.flatMap((id) => {
    const entry = index.prompts.find(({ prompt_id }) => prompt_id === id);
    const text = entry && packFile(files, entry.path);
    return text === undefined ? [] : [[id, { version: entry?.version ?? '', sha256: sha256Hex(text) }] as const];
  });
  return {
    schema_version: 1,
    prompt_os_version: index.prompt_os_version,
    prompts: Object.fromEntries(entries),
  };
}

/** The bytes of `prompts.lock.json`: two-space indented, one trailing newline. */
export const formatPromptLock = (lock: PromptLock): string => prettyJson(lock);
