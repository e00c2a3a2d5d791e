/** The fenced blocks of a language in the section of a page under a heading, such as `## Keys`. */
export function pageBlocks(page: string, heading: string, language: string): readonly string[] {
  const [, text = ''] = page.split(`\n${heading}\n`);
  const level = /^#+/.exec(heading)?.[0] ?? '';
  // A block of a shell may have comments that look like headings: the section ends at a heading outside of blocks.
  const blocks: string[] = [];
  let [open, lines]: [string | null, string[]] = [null, []];
  for (const line of text.split('\n')) {
    if (open === null && line.startsWith('#') && (line.split(' ')[0]?.length ?? 0) <= level.length) break;
    if (open === null && line.startsWith('```')) [open, lines] = [line.slice(3), []];
    else if (open !== null && line === '```') {
      if (open === language) blocks.push(lines.map((each) => `${each}\n`).join(''));
      open = null;
    } else lines.push(line);
  }
  return blocks;
}
