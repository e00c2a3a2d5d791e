import { type PromptIndex, promptIndexSchema } from '../contracts/prompt-pack.js';
import { checkDocument, type LocatedDocument, type Problem, parseLocatedJson } from './located-document.js';

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
