import { PROMPT_IDS } from '../contracts/names.js';
import { type PromptIndex, type PromptLock, promptLockSchema } from '../contracts/prompt-pack.js';
import { checkDocument, type LocatedDocument, type Problem, parseLocatedJson } from './located-document.js';
import { makePromptLock, type PackFiles } from './pack-digest.js';

export type PromptLockResult =
  | { readonly ok: true; readonly lock: PromptLock; readonly document: LocatedDocument }
  | { readonly ok: false; readonly code: 'LOCK_MALFORMED' | 'LOCK_INVALID'; readonly problems: readonly Problem[] };

/** Reads the text of `prompts.lock.json`. */
export function parsePromptLock(text: string): PromptLockResult {
  const parsed = parseLocatedJson(text);
  if (!parsed.ok) return { ok: false, code: 'LOCK_MALFORMED', problems: parsed.problems };
  const checked = checkDocument(promptLockSchema, parsed.document);
  if (!checked.ok) return { ok: false, code: 'LOCK_INVALID', problems: checked.problems };
  return { ok: true, lock: checked.value, document: parsed.document };
}

/** One difference between a lock and the files that it should describe. */
export interface LockDifference {
  /** Its place in the lock. */
  readonly at: readonly string[];
  readonly message: string;
}

/** Every difference between the lock and the lock that the files would have now; none when they agree. */
export function comparePromptLock(lock: PromptLock, files: PackFiles, index: PromptIndex): LockDifference[] {
  const actual = makePromptLock(files, index);
  const differences: LockDifference[] = [];
  const compare = (at: readonly string[], what: string, locked: string | undefined, now: string | undefined) => {
    if (locked === now) return;
    differences.push({
      at,
      message: `${what}: the lock records ${locked ?? 'nothing'}, the pack has ${now ?? 'nothing'}`,
    });
  };
  compare(['prompt_os_version'], 'prompt_os_version', lock.prompt_os_version, actual.prompt_os_version);
  for (const id of PROMPT_IDS) {
    const locked = lock.prompts[id];
    const now = actual.prompts[id];
    compare(['prompts', id, 'version'], `version of ${id}`, locked?.version, now?.version);
    compare(['prompts', id, 'sha256'], `sha256 of ${id}`, locked?.sha256, now?.sha256);
  }
  return differences;
}
