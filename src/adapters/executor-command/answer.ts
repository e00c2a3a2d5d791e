import { isRecord, readJson } from '../../contracts/json.js';
import { endSentence } from '../../contracts/sentences.js';
import type { AnswerLocation } from '../../contracts/worker-config.js';
import { lastFencedBlock } from './fenced-blocks.js';
import { pointInto } from './point-into.js';

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
