/** Characters that Markdown, GitHub's dialect of it, or HTML reads as markup. */
const MARKUP = /[\\`*_[\]<>&#|!~$]/g;
/** Control characters, and those that turn the direction of text and so show another text than there is. */
const UNSAFE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escapeMarkup = (text: string): string =>
  text.replace(UNSAFE, '\uFFFD').replace(MARKUP, (character) => `\\${character}`);

/** What means something at the start of a line only: lists, headings underlined by "=" or "-", code by indentation. */
const escapeLineStart = (line: string): string =>
  line.replace(/^([-+=])/, '\\$1').replace(/^(\d{1,9})([.)])/, '$1\\$2');

/** A foreign text on one line, none of it markup. Bytes of published files: they are derived again to verify. */
export const inlineText = (text: string): string => escapeLineStart(escapeMarkup(text.replace(/\s+/g, ' ').trim()));

/** A foreign text as paragraphs: its line breaks stay, and none of it is markup. */
export const blockText = (text: string): string =>
  text
    .split(/\r\n|\r|\n|\u2028|\u2029/)
    .map((line) => escapeLineStart(escapeMarkup(line.trim())))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/**
 * The same for a page that lets HTML pass and makes links of bare addresses, such as Temporal's Web UI: a link that a
 * model wrote must not be one to follow.
 */
export const pageText = (text: string): string =>
  inlineText(text)
    .replace(/\\([&<>])/g, (_, character: string) => ENTITIES[character] ?? '')
    .replace(/@|:(?=\/\/)|(?<=www)\./gi, '\\$&');

/** A path or command in a code span, whose fence is longer than any run of backticks in it (CommonMark, 6.1). */
export function codeSpan(text: string): string {
  const line = text.replace(/\s+/g, ' ').replace(UNSAFE, '\uFFFD');
  const runs = line.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(0, ...runs.map(({ length }) => length)) + 1);
  return line.startsWith('`') || line.endsWith('`') ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}

/** A second-level section, or nothing when it has no lines. */
export const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`## ${title}`, '', ...lines, ''];
