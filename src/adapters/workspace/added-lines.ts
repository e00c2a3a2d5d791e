import type { Patch } from '../../contracts/patch.js';
import { unquotePath } from '../../rules/quoted-path.js';

type AddedLine = Patch['added_lines'][number];

const HUNK = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const NEWLINE = 10;

/**
 * The lines that a patch adds, with their numbers in the new file. Hunks are read by the counts in their headers, so
 * content that looks like a header is content.
 * @param patch what `git diff-tree -p -U0 --dst-prefix=b/` printed; text that is not UTF-8 gets U+FFFD.
 */
export function readAddedLines(patch: Buffer): readonly AddedLine[] {
  const added: AddedLine[] = [];
  let path: string | null = null;
  let line = 0;
  let removals = 0;
  let additions = 0;
  for (let start = 0; start < patch.length; ) {
    const newline = patch.indexOf(NEWLINE, start);
    const end = newline === -1 ? patch.length : newline;
    const first = patch[start];
    if (removals > 0 && first === 0x2d) {
      removals -= 1;
    } else if (additions > 0 && first === 0x2b) {
      additions -= 1;
      if (path !== null) added.push({ path, line, text: patch.toString('utf8', start + 1, end) });
      line += 1;
    } else if (removals === 0 && additions === 0) {
      const header = patch.toString('latin1', start, Math.min(end, start + 16_384));
      if (header.startsWith('diff --git ')) path = null;
      else if (header.startsWith('+++ ')) path = newPath(header.slice(4));
      const hunk = HUNK.exec(header);
      if (hunk !== null) {
        removals = Number(hunk[1] ?? 1);
        line = Number(hunk[2]);
        additions = Number(hunk[3] ?? 1);
      }
    }
    start = end + 1;
  }
  return added;
}

/** Git ends a name that has spaces with a tab; `/dev/null` stands for no file. */
function newPath(printed: string): string | null {
  const name = unquotePath(printed.replace(/\t$/, ''));
  return name.startsWith('b/') ? name.slice(2) : null;
}
