/** A section of a branch, its header alone on the line. */
const BRANCH_HEADER = /^\s*\[branch "(?:[^"\\]|\\.)*"\]\s*$/;
const ANY_HEADER = /^\s*\[/;
/** What git and editors write there in daily work. Any other key, and a remote that is no plain name, stays. */
const ORDINARY =
  /^\s*(?:(?:merge|rebase|description|[a-z]+-[a-z-]+)\s*=[^\\"#;]*|(?:remote|pushremote)\s*=\s*(?:\.|[\w-]+)\s*)$/i;

/**
 * The text of a git configuration without what a person's daily work writes there: which remote branch a branch follows.
 * Everything that could make git run or fetch something else stays.
 */
export function guardedConfig(text: string): string {
  const kept: string[] = [];
  let header: string | null = null;
  let inBranch = false;
  let continued = false;
  for (const line of text.split('\n')) {
    const partOfValue = continued;
    continued = /(?:^|[^\\])(?:\\\\)*\\$/.test(line);
    if (!partOfValue && !continued) {
      if (BRANCH_HEADER.test(line)) {
        inBranch = true;
        header = line;
        continue;
      }
      if (inBranch && (ORDINARY.test(line) || line.trim() === '')) continue;
    }
    if (!partOfValue && ANY_HEADER.test(line)) {
      inBranch = false;
      header = null;
    }
    // A header goes only with everything under it: without it, what stays would mean something else.
    if (header !== null) kept.push(header);
    header = null;
    kept.push(line);
  }
  return kept.join('\n').trimEnd();
}
