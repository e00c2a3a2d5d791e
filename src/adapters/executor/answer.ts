import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { isRecord, readJson } from '../../contracts/json.js';
import { counted, endSentence } from '../../contracts/sentences.js';
import type { AnswerLocation } from '../../contracts/worker-config.js';

export type LocatedAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

const located = (text: string): LocatedAnswer => ({ ok: true, text });
const missing = (problem: string): LocatedAnswer => ({ ok: false, problem });

/**
 * Finds the answer in what an executor printed or wrote: follows the pointer, then takes the last fenced block. A
 * string at the pointer goes on as text, anything else is the answer as JSON. Without a fence the answer is the text
 * if that is one JSON object, else its last line, else its last `json` block, else the last line that is an object.
 */
export function locateAnswer(location: Pick<AnswerLocation, 'pointer' | 'fence'>, text: string): LocatedAnswer {
  const source = text.replace(/^\uFEFF/, '');
  if (source.trim() === '') return missing('The executor gave no answer: there was nothing where it was looked for.');
  if (location.pointer === undefined) return locateInText(location.fence, source);
  const target = pointInto(source, location.pointer);
  if (!target.found) return missing(endSentence(`The executor gave no answer: ${target.problem}`));
  if (typeof target.value !== 'string') return located(JSON.stringify(target.value));
  return locateInText(location.fence, target.value);
}

/**
 * The model that says it served the call. Where the pointer leads to an object, its member names: some agents list
 * their use by model. Null when there is no such thing.
 */
export function locateServedModel(pointer: string | undefined, text: string): string | null {
  if (pointer === undefined) return null;
  const target = pointInto(text.replace(/^\uFEFF/, ''), pointer);
  if (!target.found) return null;
  const { value } = target;
  if (typeof value === 'string') return value.slice(0, 200) || null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return Object.keys(value).sort().join(', ').slice(0, 200) || null;
}

function locateInText(fence: string | undefined, text: string): LocatedAnswer {
  if (fence !== undefined) {
    const block = lastFencedBlock(text, fence);
    return block === null
      ? missing(`The executor gave no answer: expected a closed block fenced with \`\`\`${fence}, found none.`)
      : located(block);
  }
  const whole = text.trim();
  if (isRecord(readJson(whole))) return located(whole);
  const lines = text.split(/\r?\n/);
  const lastLine = lines.findLast((line) => line.trim() !== '') ?? '';
  if (isRecord(readJson(lastLine))) return located(lastLine.trim());
  const block = lastFencedBlock(text, 'json');
  if (block !== null) return located(block);
  // Indented lines are parts of something larger.
  const object = lines.findLast((line) => line.startsWith('{') && isRecord(readJson(line)));
  return object === undefined
    ? missing(
        'The executor gave no answer: expected a JSON object, alone, on a line of its own or fenced with ```json.',
      )
    : located(object.trim());
}

/** The text in which the answer is looked for: standard output, or a file of the executor's scratch folder. */
export async function readAnswerSource(
  location: AnswerLocation,
  stdout: Uint8Array,
  scratchFiles: string,
  maxBytes: number,
): Promise<LocatedAnswer> {
  if (location.from === 'stdout') return { ok: true, text: new TextDecoder().decode(stdout) };
  const name = location.file ?? '';
  const path = resolve(scratchFiles, name);
  if (name === '' || relative(scratchFiles, path).split(sep)[0] === '..') {
    return { ok: false, problem: `The answer's file "${name}" is not inside the scratch folder.` };
  }
  return readBounded(path, name, maxBytes);
}

async function readBounded(path: string, name: string, maxBytes: number): Promise<LocatedAnswer> {
  // An executor may have left a link to somewhere else, or a pipe that never ends.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return { ok: false, problem: `The executor left no file "${name}" in its scratch folder.` };
  try {
    const { size, isFile } = await file.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) return { ok: false, problem: `What the executor left as "${name}" is not a file.` };
    if (size > maxBytes) {
      return {
        ok: false,
        problem: `The answer's file "${name}" has ${counted(size, 'byte')}; expected ${maxBytes} at most.`,
      };
    }
    return { ok: true, text: new TextDecoder().decode(await file.readFile()) };
  } finally {
    await file.close();
  }
}

/** A fenced code block of Markdown (CommonMark 0.31, section 4.5). */
export interface FencedBlock {
  /** First word of the info string, such as `json`; empty when there is none. */
  readonly language: string;
  readonly text: string;
}

const OPENING = /^( {0,3})(`{3,}|~{3,})[ \t]*([^\s`]*)([^`]*)$/;

/** The closed blocks of a text, in order. A block that nothing closes was cut off, and is left out. */
export function fencedBlocks(text: string): readonly FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { readonly fence: string; readonly indent: number; readonly language: string; lines: string[] } | null =
    null;
  for (const line of text.split(/\r?\n/)) {
    if (open === null) {
      const [, indent = '', fence, language = ''] = OPENING.exec(line) ?? [];
      if (fence !== undefined) open = { fence, indent: indent.length, language, lines: [] };
    } else if (closes(line, open.fence)) {
      blocks.push({ language: open.language, text: open.lines.join('\n') });
      open = null;
    } else {
      open.lines.push(line.replace(new RegExp(`^ {0,${open.indent}}`), ''));
    }
  }
  return blocks;
}

function closes(line: string, fence: string): boolean {
  const [, closing] = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
  return closing !== undefined && closing[0] === fence[0] && closing.length >= fence.length;
}

/** The last closed block of a language, whatever its letters' case. */
function lastFencedBlock(text: string, language: string): string | null {
  const wanted = language.toLowerCase();
  return fencedBlocks(text).findLast((block) => block.language.toLowerCase() === wanted)?.text ?? null;
}

/**
 * Points into the text's JSON document. Where the document is an array, or the text is a sequence of values such as JSON
 * Lines, the last message in which the pointer leads to something counts: agents report their result last.
 */
function pointInto(text: string, pointer: string): PointerResult {
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
type PointerResult =
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
