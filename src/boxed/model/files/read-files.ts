import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findPattern, patternProblem } from '../../../contracts/linear-pattern.js';
import { type CheckoutPath, checkoutPath, Refused } from './checkout-path.js';

/** Folders of downloads and output, which are listed and not entered. */
const NOT_ENTERED = ['.git', 'node_modules', '.venv', 'target', '__pycache__'];

interface FoundFile {
  /** Relative to the checkout. */
  readonly name: string;
  readonly absolute: string;
}

/** The ordinary files below a folder of the checkout, in the order of their names. Links are not followed. */
function* walkFiles(root: string, written: string): Generator<FoundFile> {
  const { name, absolute, stats } = checkoutPath(root, written);
  if (stats?.isFile()) yield { name, absolute };
  else if (stats?.isDirectory()) yield* walk(name === '.' ? '' : `${name}/`, absolute);
  else throw new Refused(`There is no file or folder "${name}".`);
}

function* walk(prefix: string, folder: string): Generator<FoundFile> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const absolute = join(folder, entry.name);
    if (entry.isFile()) yield { name: prefix + entry.name, absolute };
    else if (entry.isDirectory() && !NOT_ENTERED.includes(entry.name)) yield* walk(`${prefix}${entry.name}/`, absolute);
  }
}

/** A name as it is shown in a list: one with a line break, or that looks like quoted text, would pass for others. */
const shownName = (name: string): string => (UNPLAIN.test(name) ? JSON.stringify(name) : name);
const UNPLAIN = /[\u0000-\u001f\u007f\u2028\u2029"]/;

const MAX_NAMES = 1_000;

/** The names of files below a folder, one a line, with a last line when there are more. */
export function listFiles(root: string, written: string): string {
  const names: string[] = [];
  for (const { name } of walkFiles(root, written)) {
    if (names.length === MAX_NAMES)
      return `${names.join('\n')}\n[more files than ${MAX_NAMES}: list a folder of these]\n`;
    names.push(shownName(name));
  }
  return names.length === 0 ? '[no files]\n' : `${names.join('\n')}\n`;
}

const MAX_MATCHES = 100;
const MAX_LINE = 300;
const MAX_SEARCHED_FILE = 1_024 * 1_024;
const MAX_BYTES = 64 * 1_024 * 1_024;

interface SearchOptions {
  /** The folder or file that is searched. */
  readonly path: string;
  /** Whether the text is a regular expression in the syntax of RE2, whose time grows with the text alone. */
  readonly regex: boolean;
}

/** Lines of text files with a text, as `path:line: text`. */
export function searchFiles(root: string, wanted: string, { path, regex }: SearchOptions): string {
  const problem = regex ? patternProblem(wanted) : null;
  if (problem !== null) throw new Refused(`The regular expression is not one of RE2: ${problem}.`);
  const matches = (text: string): boolean => (regex ? findPattern(wanted, text) !== null : text.includes(wanted));
  const found: string[] = [];
  let searched = 0;
  for (const { name, absolute } of walkFiles(root, path)) {
    const { size } = statSync(absolute);
    if (size > MAX_SEARCHED_FILE) continue;
    searched += size;
    if (searched > MAX_BYTES) return `${found.join('\n')}\n[not searched to the end: search a folder]\n`;
    const bytes = readFileSync(absolute);
    if (bytes.subarray(0, 8_000).includes(0)) continue;
    const text = bytes.toString('utf8');
    if (!matches(text)) continue;
    for (const [index, line] of text.split('\n').entries()) {
      if (!matches(line)) continue;
      if (found.length === MAX_MATCHES) return `${found.join('\n')}\n[more lines than ${MAX_MATCHES}]\n`;
      found.push(`${shownName(name)}:${index + 1}: ${line.slice(0, MAX_LINE)}`);
    }
  }
  return found.length === 0 ? '[no line has it]\n' : `${found.join('\n')}\n`;
}

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
