import { readFileSync, statSync } from 'node:fs';
import { findPattern, patternProblem } from '../../../contracts/linear-pattern.js';
import { Refused } from './checkout-path.js';
import { shownName, walkFiles } from './list-files.js';

const MAX_MATCHES = 100;
const MAX_LINE = 300;
const MAX_FILE_BYTES = 1_024 * 1_024;
const MAX_BYTES = 64 * 1_024 * 1_024;

export interface SearchOptions {
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
    if (size > MAX_FILE_BYTES) continue;
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
