import type { LintAllowance } from '../contracts/prompt-pack.js';
import { parseFrontMatter } from './front-matter.js';

/** An allowance with the line of the file at which it is written. */
export interface PlacedAllowance extends LintAllowance {
  readonly line: number;
}

/** The allowances of a prompt, and the lines of its front matter that hold them; none for any other file. */
export function allowancesOf(text: string): {
  readonly allowances: readonly PlacedAllowance[];
  readonly lines: ReadonlySet<number>;
} {
  const parsed = parseFrontMatter(text);
  const allowed = parsed.ok ? (parsed.frontMatter.lint_allow ?? []) : [];
  if (!parsed.ok || allowed.length === 0) return { allowances: [], lines: new Set() };
  const line = parsed.lineOf('lint_allow');
  const fileLines = text.split(/\r?\n/);
  const quoted = allowed.map((one) => JSON.stringify(one.text).slice(1, -1));
  const lines = fileLines.flatMap((content, index) => {
    const inFrontMatter = index + 1 >= line && index + 1 < parsed.bodyLine;
    const names = allowed.some((one, at) => content.includes(one.text) || content.includes(quoted[at] ?? one.text));
    return inFrontMatter && /^\s*(?:- )?\s*text:/.test(content) && names ? [index + 1] : [];
  });
  return { allowances: allowed.map((one) => ({ ...one, line })), lines: new Set(lines) };
}
