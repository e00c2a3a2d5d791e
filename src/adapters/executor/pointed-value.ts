import { readJson } from '../../contracts/json.js';

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

/** What a pointer found. A value that is there may be null, so absence has a case of its own. */
export type PointerResult =
  | { readonly found: true; readonly value: unknown }
  | { readonly found: false; readonly problem: string };

/** Follows a JSON pointer (RFC 6901) into a parsed document. */
function followPointer(document: unknown, pointer: string): PointerResult {
  if (pointer === '') return { found: true, value: document };
  const nowhere = (why: string): PointerResult => ({ found: false, problem: `the pointer "${pointer}" ${why}` });
  if (!pointer.startsWith('/')) return nowhere('does not begin with "/"');
  if (/~(?![01])/.test(pointer)) return nowhere('has a "~" that neither "0" nor "1" follows');
  let value = document;
  for (const token of pointer.slice(1).split('/')) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!hasMember(value, key)) return nowhere(`leads nowhere: there is no "${key}"`);
    value = (value as Record<string, unknown>)[key];
  }
  return { found: true, value };
}

/** Own members only; of an array only indices without leading zeros. */
function hasMember(value: unknown, key: string): boolean {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(key) && Number(key) < value.length;
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** What may precede a value on its line: the record separator of RFC 7464, and the field name of server-sent events. */
const PREFIX = /^(?:\u001e|data:)/;

/**
 * The JSON values of an output that is not one JSON document: one a line, or one over several lines whose first and last
 * are a bracket alone, as pretty printers write it. Other lines are skipped.
 */
function readJsonValues(text: string): readonly unknown[] {
  const values: unknown[] = [];
  let opened: string[] | null = null;
  for (const line of text.split(/\r\n?|\n/)) {
    const content = line.replace(PREFIX, '').trimEnd();
    if (content === '{' || content === '[') {
      opened = [content];
      continue;
    }
    if (opened !== null) {
      opened.push(content);
      if (content !== '}' && content !== ']') continue;
      const value = readJson(opened.join('\n'));
      opened = null;
      if (value !== undefined) values.push(value);
      continue;
    }
    const value = readJson(content);
    if (value !== undefined) values.push(value);
  }
  return values;
}

const MAX_NAMED = 8;

/** A text of a foreign program within a sentence: quoted, on one line, and short. */
function quoteShort(text: string, limit = 80): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return JSON.stringify(short.toWellFormed());
}

/** What a value is, for a sentence about why it is not the one that was looked for. */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const names = Object.keys(value);
  if (names.length === 0) return 'an empty object';
  const named = names.slice(0, MAX_NAMED).map((name) => quoteShort(name, 40));
  const rest = names.length > named.length ? ` and ${names.length - named.length} more` : '';
  const type = 'type' in value && typeof value.type === 'string' ? ` of type ${quoteShort(value.type, 40)}` : '';
  return `an object${type} with the members ${named.join(', ')}${rest}`;
}
