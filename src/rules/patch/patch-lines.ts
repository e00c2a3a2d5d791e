import type { Patch, PatchFile } from '../../contracts/record/patch.js';

const NEWLINE = 10;

/** Bytes of a line that are read as a header; content may be longer and is not. */
const HEADER_BYTES = 65_536;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The lines of a patch, one after the other, without a copy of the whole. */
export class PatchLines {
  #start = 0;
  #end: number;
  number = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#end = this.#find(0);
  }

  #find(start: number): number {
    const newline = this.bytes.indexOf(NEWLINE, start);
    return newline === -1 ? this.bytes.length : newline;
  }

  get done(): boolean {
    return this.#start >= this.bytes.length;
  }

  /** The first character of the line, without reading it. */
  sign(): string {
    return this.done ? '' : String.fromCharCode(this.bytes[this.#start] ?? 0);
  }

  /** The line as latin-1 text, one character a byte, without reading it; undefined at the end. */
  peek(): string | undefined {
    if (this.done) return undefined;
    const line = this.bytes.subarray(this.#start, Math.min(this.#end, this.#start + HEADER_BYTES));
    let text = '';
    for (let index = 0; index < line.length; index += 4_096) {
      text += String.fromCharCode(...line.subarray(index, index + 4_096));
    }
    return text;
  }

  /** The line as UTF-8 text behind its first characters, without reading it. */
  text(from: number): string {
    return utf8.decode(this.bytes.subarray(this.#start + from, this.#end));
  }

  /** Reads the line as latin-1 text; empty at the end. */
  next(): string {
    const line = this.peek() ?? '';
    this.skip();
    return line;
  }

  skip(): void {
    if (this.done) return;
    this.#start = this.#end + 1;
    this.#end = this.#find(this.#start);
    this.number += 1;
  }
}

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
    // A lone carriage return would be counted as a line's end by code that splits the text.
    lines[line - 1] = text.replaceAll('\r', ' ');
  }
  return [...linesByPath].map(([path, lines]) => ({ path, text: lines.join('\n') }));
}

export const LINK_MODE = '120000';

/** The symbolic links that a patch adds or changes, with where they point; null where git shows no target. */
export function linkTargets(
  patch: Pick<Patch, 'files' | 'added_lines'>,
): readonly { readonly file: PatchFile; readonly target: string | null }[] {
  const links = patch.files.filter(({ new_mode }) => new_mode === LINK_MODE);
  if (links.length === 0) return [];
  const targets = new Map<string, string[]>(links.map(({ path }) => [path, []]));
  for (const { path, text } of patch.added_lines) targets.get(path)?.push(text);
  return links.map((file) => {
    const lines = targets.get(file.path) ?? [];
    return { file, target: lines.length === 0 ? null : lines.join('\n') };
  });
}
