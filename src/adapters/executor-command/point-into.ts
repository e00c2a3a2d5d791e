import { readJson } from '../../contracts/json.js';
import { followPointer, type PointerResult } from './json-pointer.js';
import { describeValue, quoteShort, readJsonValues } from './json-values.js';

/**
 * Points into the text's JSON document. Where the document is an array, or the text is a sequence of values such as JSON
 * Lines, the last message in which the pointer leads to something counts: agents report their result last.
 */
export function pointInto(text: string, pointer: string): PointerResult {
  const document = readJson(text);
  if (document !== undefined) {
    const whole = followPointer(document, pointer);
    if (whole.found || !Array.isArray(document) || document.length === 0) return withSeen(whole, [document]);
    return pointIntoMessages(document, pointer);
  }
  const values = readJsonValues(text);
  return values.length > 0
    ? pointIntoMessages(values, pointer)
    : { found: false, problem: `it is neither JSON nor JSON Lines, and begins with ${quoteShort(text.trimStart())}` };
}

/** A message without the value may have null in its place, so null counts only where nothing else is found. */
function pointIntoMessages(values: readonly unknown[], pointer: string): PointerResult {
  let nearest: PointerResult | null = null;
  for (const message of messagesFromLast(values)) {
    const target = followPointer(message, pointer);
    if (target.found && target.value !== null) return target;
    if (nearest === null || (target.found && !nearest.found)) nearest = target;
  }
  return withSeen(nearest ?? followPointer(undefined, pointer), values);
}

/** Each value, the last first, and of one that is an array its elements too: some programs print events in batches. */
function* messagesFromLast(values: readonly unknown[]): Generator<unknown> {
  for (let index = values.length - 1; index >= 0; index -= 1) {
    const value = values[index];
    yield value;
    if (!Array.isArray(value)) continue;
    for (let inner = value.length - 1; inner >= 0; inner -= 1) yield value[inner];
  }
}

function withSeen(target: PointerResult, values: readonly unknown[]): PointerResult {
  if (target.found) return target;
  const last = describeValue(values.at(-1));
  const seen = values.length === 1 ? `it saw ${last}` : `it saw ${values.length} JSON values, the last ${last}`;
  return { found: false, problem: `${target.problem}; ${seen}` };
}
