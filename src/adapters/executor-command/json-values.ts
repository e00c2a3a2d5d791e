import { readJson } from '../../contracts/json.js';

/** What may precede a value on its line: the record separator of RFC 7464, and the field name of server-sent events. */
const PREFIX = /^(?:\u001e|data:)/;

/**
 * The JSON values of an output that is not one JSON document: one a line, or one over several lines whose first and last
 * are a bracket alone, as pretty printers write it. Other lines are skipped.
 */
export function readJsonValues(text: string): readonly unknown[] {
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
export function quoteShort(text: string, limit = 80): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return JSON.stringify(short.toWellFormed());
}

/** What a value is, for a sentence about why it is not the one that was looked for. */
export function describeValue(value: unknown): string {
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
