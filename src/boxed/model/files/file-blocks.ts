import { Refused } from './checkout-path.js';
import { removeFile, writeText } from './write-file.js';

const OPENING = /^<file path="([^"]+)">$/;
const CLOSING = '</file>';
const REMOVED = /^<delete path="([^"]+)" ?\/>$/;

/**
 * Carries out the whole-file blocks of a text: `<file path="…">`, the content and `</file>`, each on lines of their own, and
 * `<delete path="…"/>`.
 * @returns the paths that changed
 */
export function applyFileBlocks(root: string, text: string): readonly string[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const changed: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]?.trim() ?? '';
    const removed = REMOVED.exec(line)?.[1];
    if (removed !== undefined) {
      removeFile(root, removed);
      changed.push(removed);
    }
    const path = OPENING.exec(line)?.[1];
    if (path === undefined) continue;
    const end = lines.findIndex((other, index) => index > at && other.trim() === CLOSING);
    if (end === -1) throw new Refused(`The block of "${path}" is not closed: expected a line ${CLOSING}.`);
    const content = unfenced(lines.slice(at + 1, end));
    writeText(root, path, content.map((one) => `${one}\n`).join(''));
    changed.push(path);
    at = end;
  }
  return changed;
}

/** Some models put a fence around the content, beside the tags. */
function unfenced(lines: readonly string[]): readonly string[] {
  const isFenced = lines.length >= 2 && /^```[\w+-]*$/.test(lines[0] ?? '') && lines.at(-1) === '```';
  return isFenced ? lines.slice(1, -1) : lines;
}
