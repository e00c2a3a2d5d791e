import { readFileSync } from 'node:fs';
import { type CheckoutPath, checkoutPath, Refused } from './checkout-path.js';

const MAX_FILE_BYTES = 4 * 1_024 * 1_024;

/** The text of a file of the checkout. @throws Refused for what is no text file of a usual size */
export function readText(root: string, written: string): { readonly path: CheckoutPath; readonly text: string } {
  const path = checkoutPath(root, written);
  const { name, stats, absolute } = path;
  if (stats === null) throw new Refused(`There is no file "${name}".`);
  if (stats.isDirectory()) throw new Refused(`"${name}" is a folder.`);
  // Links are not followed: what one leads to has a path of its own.
  if (stats.isSymbolicLink()) throw new Refused(`"${name}" is a symbolic link; name the file that it leads to.`);
  if (!stats.isFile()) throw new Refused(`"${name}" is no ordinary file.`);
  if (stats.size > MAX_FILE_BYTES) {
    throw new Refused(`"${name}" has ${stats.size} bytes; expected ${MAX_FILE_BYTES} at most.`);
  }
  const bytes = readFileSync(absolute);
  if (bytes.subarray(0, 8_000).includes(0)) throw new Refused(`"${name}" is no text file.`);
  return { path, text: bytes.toString('utf8') };
}

const MAX_LINES = 2_000;
const MAX_CHARACTERS = 64 * 1_024;

/** Some lines of a file, with a last line that says what was left out. */
export function readLines(root: string, written: string, from: number, count: number = MAX_LINES): string {
  const { path, text } = readText(root, written);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const wanted = lines.slice(from - 1, from - 1 + Math.min(count, MAX_LINES));
  let size = 0;
  const fitting = wanted.findIndex((line) => {
    size += line.length + 1;
    return size > MAX_CHARACTERS;
  });
  const shown = fitting === -1 ? wanted : wanted.slice(0, Math.max(fitting, 1));
  const body = shown
    .map((line) => `${line}\n`)
    .join('')
    .slice(0, MAX_CHARACTERS);
  const end = from - 1 + shown.length;
  if (shown.length === lines.length) return body;
  return `${body}[lines ${from} to ${end} of ${lines.length} of ${path.name}]\n`;
}
