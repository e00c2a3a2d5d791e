import { fromMarkdown } from 'mdast-util-from-markdown';
import { UNHIDEABLE_LINES } from '../../../domain/record/pr-block.js';

type RootContent = ReturnType<typeof fromMarkdown>['children'][number];

const HEAD = /^ {0,3}> ?\s*\*\*Governed Session\*\*\s*$/;

/** The lines that existing tooling reads, and that must be there exactly. */
const REQUIRED_LINES = 6;

/** A block of a description: its lines, without the carriage returns that web forms add. */
export type PrBlockLines = readonly string[];

/**
 * The blocks of a description as GitHub shows them: quotes at the top level, neither inside an HTML comment, a tag that
 * was left open nor a collapsed `<details>`. CommonMark decides what is a quote, a comment or code.
 */
export function findPrBlocks(body: string): readonly PrBlockLines[] {
  const text = body.replaceAll('\r\n', '\n');
  const lines = text.split('\n');
  const blocks: PrBlockLines[] = [];
  let html = '';
  for (const node of fromMarkdown(text).children) {
    if (node.type === 'blockquote' && !hides(html)) {
      for (const start of headLines(node.children, lines)) blocks.push(blockAt(lines, start));
    }
    html += htmlOf(node);
  }
  return blocks;
}

/** Indexes of the lines of a quote's own paragraphs that are the block's head and nothing else. */
const headLines = (children: readonly RootContent[], lines: readonly string[]): readonly number[] =>
  children.flatMap((child) =>
    child.type !== 'paragraph'
      ? []
      : child.children.flatMap((span) => {
          const index = (span.position?.start.line ?? 0) - 1;
          return span.type === 'strong' && HEAD.test(lines[index] ?? '') ? [index] : [];
        }),
  );

function blockAt(lines: readonly string[], start: number): PrBlockLines {
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('> - '));
  return lines.slice(start, end === -1 ? lines.length : end);
}

/** The raw HTML of a node and of what is inside it, in the order of the text. */
function htmlOf(node: RootContent): string {
  if (node.type === 'html') return `${node.value}\n`;
  return 'children' in node ? node.children.map(htmlOf).join('') : '';
}

/** Whether raw HTML leaves something open in which a browser shows nothing of what follows. */
function hides(html: string): boolean {
  const open: boolean[] = [];
  const rest = html
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .replaceAll(
      /<(\/?)([A-Za-z][A-Za-z0-9-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g,
      (_, closing: string, name: string, attributes: string) => {
        if (name.toLowerCase() !== 'details') return '';
        if (closing === '') open.push(/(?:^|\s)open(?:[\s=/]|$)/i.test(attributes));
        else open.pop();
        return '';
      },
    );
  return open.includes(false) || /<!--|<\/?[A-Za-z]/.test(rest);
}

/** The run that a block names in the line that is our own; null when it has none. */
export const runOfBlock = (block: PrBlockLines): string | null =>
  block.map((line) => /^> - Run: `([^`]+)`/.exec(line)?.[1]).find((run) => run !== undefined) ?? null;

/**
 * The differences between a block and the expected one, one sentence each: a required line that differs or is missing,
 * another line of ours that differs, or a missing line that must not be left out. Unknown lines may follow.
 */
export function compareBlock(block: PrBlockLines, expected: PrBlockLines): readonly string[] {
  const key = (line: string): string => line.slice(0, line.indexOf(':') + 1);
  const ours = new Map(expected.slice(REQUIRED_LINES).map((line) => [key(line), line]));
  const required = expected.slice(0, REQUIRED_LINES).flatMap((line, index) => {
    const found = block[index];
    return found === line ? [] : [`line ${index + 1} should be ${quoted(line)}, it is ${quoted(found)}`];
  });
  const more = block.slice(REQUIRED_LINES).flatMap((line) => {
    const wanted = ours.get(key(line));
    return wanted === undefined || wanted === line ? [] : [`expected ${quoted(wanted)}, found ${quoted(line)}`];
  });
  const keys = new Set(block.map(key));
  const hidden = expected.filter(
    (line) => UNHIDEABLE_LINES.some((begin) => line.startsWith(begin)) && !keys.has(key(line)),
  );
  return [...required, ...more, ...hidden.map((line) => `the line ${quoted(line)} is missing`)];
}

const quoted = (line: string | undefined): string => (line === undefined ? 'missing' : JSON.stringify(line));
