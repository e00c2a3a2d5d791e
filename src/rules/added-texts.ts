import type { Patch } from '../contracts/patch.js';

export interface AddedText {
  readonly path: string;
  readonly text: string;
}

/**
 * What a patch adds, one text a file, for scanners. Lines that the patch does not add are empty, so that a line number
 * in the text is the file's own and lines that do not follow each other are never read as one.
 */
export function addedTexts(patch: Patch): readonly AddedText[] {
  const linesByPath = new Map<string, string[]>();
  for (const { path, line, text } of patch.added_lines) {
    const lines = linesByPath.get(path) ?? [];
    linesByPath.set(path, lines);
    while (lines.length < line) lines.push('');
    // A lone carriage return would be counted as a line's end by whoever splits the text.
    lines[line - 1] = text.replaceAll('\r', ' ');
  }
  return [...linesByPath].map(([path, lines]) => ({ path, text: lines.join('\n') }));
}
