/* How text goes into the Markdown of current details. */

/**
 * JSON on one line that breaks at its blanks, and that stays whole in inline code and between single quotes of a shell.
 */
export const pasteable = (content: object): string =>
  JSON.stringify(content, null, 1).replaceAll(/\n */g, ' ').replaceAll('`', '\\u0060').replaceAll("'", '\\u0027');

/** One line for inline code. */
export const code = (text: string): string => text.replaceAll('`', "'").replaceAll(/\s+/g, ' ');

/** Text of a model's or a person's, made harmless in Markdown, on one line, and cut to `limit` characters. */
export const inert = (text: string, limit: number): string =>
  (text.length > limit ? `${text.slice(0, limit).toWellFormed()}…` : text)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_[\]#|!~@]/g, '\\$&')
    // Nobody should follow a link that a model put here.
    .replaceAll(/:(?=\/\/)|(?<=www)\./gi, '\\$&');

/** Length in UTF-8. */
export const bytesOf = (text: string): number =>
  [...text].reduce((sum, char) => {
    const point = char.codePointAt(0) ?? 0;
    return sum + (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);
  }, 0);
