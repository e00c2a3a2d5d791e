import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutPath, Refused } from './checkout-path.js';

/** Folders of downloads and output, which are listed and not entered. */
const NOT_ENTERED = ['.git', 'node_modules', '.venv', 'target', '__pycache__'];

interface FoundFile {
  /** Relative to the checkout. */
  readonly name: string;
  readonly absolute: string;
}

/** The ordinary files below a folder of the checkout, in the order of their names. Links are not followed. */
export function* walkFiles(root: string, written: string): Generator<FoundFile> {
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
export const shownName = (name: string): string => (UNPLAIN.test(name) ? JSON.stringify(name) : name);
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
