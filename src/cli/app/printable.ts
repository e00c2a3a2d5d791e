const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const SYMBOLS_OF_CONTROLS = 0x2400;
const DELETE = 0x7f;
const SYMBOL_OF_DELETE = 0x2421;

function shown(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(SYMBOLS_OF_CONTROLS + code);
  if (code === DELETE) return String.fromCharCode(SYMBOL_OF_DELETE);
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/**
 * Untrusted text, such as a model's, made harmless for a terminal: escape sequences, control characters,
 * and characters that hide text or turn its direction are shown instead of obeyed. Newlines and tabs stay.
 */
export const printable = (text: string): string => text.toWellFormed().replaceAll(CONTROL, shown);

/** A value as JSON on one line, with such characters escaped: it means the same, and a terminal obeys none of them. */
export const printableJson = (value: object): string =>
  JSON.stringify(value).replaceAll(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Such text on one line, cut to `limit` characters. */
export function printableLine(text: string, limit = 500): string {
  const line = printable(text.replaceAll(/\s+/g, ' ').trim());
  return line.length > limit ? `${line.slice(0, limit).toWellFormed()}…` : line;
}

/** Text inside a shell's single quotes. */
const singleQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** A text as one word of a POSIX shell's command line: as it is where that is safe, else quoted. */
export const shellWord = (text: string): string => (/^[\w./:@%+=,-]+$/.test(text) ? text : singleQuoted(text));
