import { sha256Hex } from '../contracts/digest.js';
import { canonicalSha256 } from '../contracts/json.js';
import { type PromptIndex, promptIndexSchema } from '../contracts/prompt-pack.js';
import { checkDocument, type LocatedDocument, type Problem, parseLocatedJson } from './located-document.js';

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

export type PromptIndexEntry = PromptIndex['prompts'][number];

export type PromptIndexResult =
  | { readonly ok: true; readonly index: PromptIndex; readonly document: LocatedDocument }
  | { readonly ok: false; readonly code: 'INDEX_MALFORMED' | 'INDEX_INVALID'; readonly problems: readonly Problem[] };

/** Reads the text of `prompts.index.json`. */
export function parsePromptIndex(text: string): PromptIndexResult {
  const parsed = parseLocatedJson(text);
  if (!parsed.ok) return { ok: false, code: 'INDEX_MALFORMED', problems: parsed.problems };
  const checked = checkDocument(promptIndexSchema, parsed.document);
  if (!checked.ok) return { ok: false, code: 'INDEX_INVALID', problems: checked.problems };
  return { ok: true, index: checked.value, document: parsed.document };
}
