import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import type { AnswerLocation } from '../../contracts/executor-config.js';
import { isRecord, readJson } from '../../contracts/json.js';
import { counted, endSentence } from '../../contracts/sentences.js';
import type { PrintedJson } from './printed-json.js';

export type LocatedAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

const located = (text: string): LocatedAnswer => ({ ok: true, text });
const missing = (problem: string): LocatedAnswer => ({ ok: false, problem });

/**
 * Finds the answer in what an executor printed or wrote: follows the pointer, then takes the last fenced block. A
 * string at the pointer goes on as text, anything else is the answer as JSON. Without a fence the answer is the text
 * if that is one JSON object, else its last line, else its last `json` block, else the last line that is an object.
 * @param json of the text
 */
export function locateAnswer(
  location: Pick<AnswerLocation, 'pointer' | 'fence'>,
  text: string,
  json: PrintedJson,
): LocatedAnswer {
  const source = text.replace(/^\uFEFF/, '');
  if (source.trim() === '') return missing('The executor gave no answer: there was nothing where it was looked for.');
  if (location.pointer === undefined) return unwrapped(locateInText(location.fence, source));
  const target = json.at(location.pointer);
  if (!target.found) return missing(endSentence(`The executor gave no answer: ${target.problem}`));
  if (typeof target.value !== 'string') return unwrapped(located(JSON.stringify(target.value)));
  return unwrapped(locateInText(location.fence, target.value));
}

/** The text in which an answer is looked for last, whether or not it holds one; null where the pointer leads nowhere. */
export function textOfAnswer({ pointer }: Pick<AnswerLocation, 'pointer'>, text: string, json: PrintedJson) {
  if (pointer === undefined) return text;
  const target = json.at(pointer);
  if (!target.found) return null;
  return typeof target.value === 'string' ? target.value : JSON.stringify(target.value);
}

/**
 * The model that says it served the call. Where the pointer leads to an object, its member names: some agents list
 * their use by model. Null when there is no such thing.
 */
export function locateServedModel(pointer: string | undefined, json: PrintedJson): string | null {
  if (pointer === undefined) return null;
  const target = json.at(pointer);
  if (!target.found) return null;
  const { value } = target;
  if (typeof value === 'string') return value.slice(0, 200).toWellFormed() || null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return Object.keys(value).sort().join(', ').slice(0, 200).toWellFormed() || null;
}

/**
 * The schema files ask for the answer as the one member of an object, since decoders want an object at the top, and let
 * it say null for what it leaves out (see `contracts/answer-schema.ts`).
 */
function unwrapped(answer: LocatedAnswer): LocatedAnswer {
  if (!answer.ok) return answer;
  const value = readJson(answer.text);
  if (!isRecord(value) || !isRecord(value.answer) || Object.keys(value).length > 1) return answer;
  return located(JSON.stringify(value.answer, (_name, part: unknown) => (isRecord(part) ? withoutNulls(part) : part)));
}

const withoutNulls = (record: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(record).filter(([, part]) => part !== null));

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
  stdout: string,
  scratchFiles: string,
  maxBytes: number,
): Promise<LocatedAnswer> {
  if (location.from === 'stdout') return { ok: true, text: stdout };
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
