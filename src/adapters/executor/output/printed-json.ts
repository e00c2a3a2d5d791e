import { readJson } from '../../../contracts/json.js';

/** The JSON in what a program printed, parsed when it is first asked for. */
export interface PrintedJson {
  /** Whether there is any. */
  readonly isAny: boolean;
  /**
   * What a pointer leads to. Where the text is an array of messages or a sequence of values such as JSON Lines, the last
   * message in which it leads to something counts: agents report their result last.
   */
  at(pointer: string): PointerResult;
  /**
   * What a pointer leads to in each message, the first message first. A part `*` of the pointer matches every member; what
   * one message has is one list.
   */
  each(pointer: string): readonly (readonly unknown[])[];
}

/** What a pointer found. A value that is there may be null, so absence has a case of its own. */
type PointerResult =
  | { readonly found: true; readonly value: unknown }
  | { readonly found: false; readonly problem: string };

export function readPrintedJson(text: string): PrintedJson {
  const source = text.replace(/^\uFEFF/, '');
  let parsed: Parsed | null = null;
  const get = (): Parsed => {
    parsed ??= parsePrinted(source);
    return parsed;
  };
  return {
    get isAny() {
      const { document, values } = get();
      return document !== undefined || values.length > 0;
    },
    at: (pointer) => pointInto(get(), source, pointer),
    each: (pointer) => {
      const { document, values } = get();
      if (document === undefined) return matchesInMessages(values, pointer);
      const whole = followAll(document, pointer);
      return whole.length > 0 || !Array.isArray(document) ? [whole] : matchesInMessages(document, pointer);
    },
  };
}

/** One JSON document, or the values of a sequence. */
interface Parsed {
  readonly document: unknown;
  readonly values: readonly unknown[];
}

function parsePrinted(source: string): Parsed {
  const document = readJson(source);
  return { document, values: document === undefined ? readJsonValues(source) : [] };
}

function pointInto({ document, values }: Parsed, source: string, pointer: string): PointerResult {
  if (document !== undefined) {
    const whole = followPointer(document, pointer);
    if (whole.found || !Array.isArray(document) || document.length === 0) return withSeen(whole, [document]);
    return pointIntoMessages(document, pointer);
  }
  return values.length > 0
    ? pointIntoMessages(values, pointer)
    : { found: false, problem: `it is neither JSON nor JSON Lines, and begins with ${quoteShort(source.trimStart())}` };
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

const matchesInMessages = (values: readonly unknown[], pointer: string): readonly (readonly unknown[])[] =>
  [...messagesFromLast(values)].reverse().map((message) => followAll(message, pointer));

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

/** The names of a JSON pointer (RFC 6901), from the outside in. */
const partsOf = (pointer: string): readonly string[] =>
  pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Follows a JSON pointer (RFC 6901) into a parsed document. */
function followPointer(document: unknown, pointer: string): PointerResult {
  if (pointer === '') return { found: true, value: document };
  const nowhere = (why: string): PointerResult => ({ found: false, problem: `the pointer "${pointer}" ${why}` });
  if (!pointer.startsWith('/')) return nowhere('does not begin with "/"');
  if (/~(?![01])/.test(pointer)) return nowhere('has a "~" that neither "0" nor "1" follows');
  let value = document;
  for (const key of partsOf(pointer)) {
    if (!hasMember(value, key)) return nowhere(`leads nowhere: there is no "${key}"`);
    value = (value as Record<string, unknown>)[key];
  }
  return { found: true, value };
}

/** Values that one message may have at a pointer with `*`: more are of no use, and would be copied at each step. */
const MAX_MATCHES = 1_000;

/** Every value that a pointer leads to, where a part `*` means each member. */
function followAll(document: unknown, pointer: string): readonly unknown[] {
  if (pointer === '') return [document];
  let values: readonly unknown[] = [document];
  for (const key of partsOf(pointer)) {
    values = values
      .flatMap((value): readonly unknown[] => {
        if (hasMember(value, key)) return [(value as Record<string, unknown>)[key]];
        return key === '*' && typeof value === 'object' && value !== null ? Object.values(value) : [];
      })
      .slice(0, MAX_MATCHES);
  }
  return values;
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
