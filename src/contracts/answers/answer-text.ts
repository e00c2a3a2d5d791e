import { isRecord, readJson } from '../json.js';
import { lastFencedBlock } from './fenced-blocks.js';

/**
 * An answer as the gates read it. The schema files ask for it as the one member of an object, since decoders want an
 * object at the top, and let it say null for what it leaves out (see `answer-schema.ts`). Any other text is unchanged.
 */
export function unwrapAnswer(text: string): string {
  const value = readJson(text);
  if (!isRecord(value) || !isRecord(value.answer) || Object.keys(value).length > 1) return text;
  return JSON.stringify(value.answer, (_name, part: unknown) => (isRecord(part) ? withoutNulls(part) : part));
}

const withoutNulls = (record: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(record).filter(([, part]) => part !== null));

/**
 * The answer in a text: the text if that is one JSON object, else its last line, else its last `json` block, else the last
 * line that is an object; null when there is none.
 */
export function findAnswer(text: string): string | null {
  const whole = text.trim();
  if (isRecord(readJson(whole))) return whole;
  const lines = text.split(/\r?\n/);
  const lastLine = lines.findLast((line) => line.trim() !== '') ?? '';
  if (isRecord(readJson(lastLine))) return lastLine.trim();
  const block = lastFencedBlock(text, 'json');
  if (block !== null) return block;
  // Indented lines are parts of something larger.
  return lines.findLast((line) => line.startsWith('{') && isRecord(readJson(line)))?.trim() ?? null;
}
