/** A fenced code block of Markdown (CommonMark 0.31, section 4.5). */
interface FencedBlock {
  /** First word of the info string, such as `json`; empty when there is none. */
  readonly language: string;
  readonly text: string;
}

const OPENING = /^( {0,3})(`{3,}|~{3,})[ \t]*([^\s`]*)([^`]*)$/;

/** The closed blocks of a text, in order. A block that nothing closes was cut off, and is left out. */
export function fencedBlocks(text: string): readonly FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { readonly fence: string; readonly indent: number; readonly language: string; lines: string[] } | null =
    null;
  for (const line of text.split(/\r?\n/)) {
    if (open === null) {
      const [, indent = '', fence, language = ''] = OPENING.exec(line) ?? [];
      if (fence !== undefined) open = { fence, indent: indent.length, language, lines: [] };
    } else if (closes(line, open.fence)) {
      blocks.push({ language: open.language, text: open.lines.join('\n') });
      open = null;
    } else {
      open.lines.push(line.replace(new RegExp(`^ {0,${open.indent}}`), ''));
    }
  }
  return blocks;
}

function closes(line: string, fence: string): boolean {
  const [, closing] = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
  return closing !== undefined && closing[0] === fence[0] && closing.length >= fence.length;
}

/** The last closed block of a language, whatever its letters' case. */
export function lastFencedBlock(text: string, language: string): string | null {
  const wanted = language.toLowerCase();
  return fencedBlocks(text).findLast((block) => block.language.toLowerCase() === wanted)?.text ?? null;
}
