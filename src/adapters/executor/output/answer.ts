import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { findAnswer, unwrapAnswer } from '../../../contracts/answers/answer-text.js';
import { lastFencedBlock } from '../../../contracts/answers/fenced-blocks.js';
import type { AnswerLocation } from '../../../contracts/config/executor-config.js';
import { counted, endSentence } from '../../../contracts/sentences.js';
import type { PrintedJson } from './printed-json.js';
import { shownName } from './shown-name.js';

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

/** Characters of the name of a model, or of several. */
const MAX_MODEL = 200;

/**
 * The model that says it served the call. Where the pointer leads to an object, its member names: some agents list
 * their use by model. Null when there is no such thing.
 */
export function locateServedModel(pointer: string | undefined, json: PrintedJson): string | null {
  if (pointer === undefined) return null;
  const target = json.at(pointer);
  if (!target.found) return null;
  const { value } = target;
  if (typeof value === 'string') return value.trim() === '' ? null : shownName(value, MAX_MODEL);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return shownName(Object.keys(value).sort().join(', '), MAX_MODEL) || null;
}

const unwrapped = (answer: LocatedAnswer): LocatedAnswer => (answer.ok ? located(unwrapAnswer(answer.text)) : answer);

function locateInText(fence: string | undefined, text: string): LocatedAnswer {
  if (fence !== undefined) {
    const block = lastFencedBlock(text, fence);
    return block === null
      ? missing(`The executor gave no answer: expected a closed block fenced with \`\`\`${fence}, found none.`)
      : located(block);
  }
  const answer = findAnswer(text);
  return answer === null
    ? missing(
        'The executor gave no answer: expected a JSON object, alone, on a line of its own or fenced with ```json.',
      )
    : located(answer);
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
