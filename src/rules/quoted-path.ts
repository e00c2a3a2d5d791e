const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  '\\': 92,
};

const utf8 = (bytes: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));

const bytesOf = (latin1: string): number[] => Array.from(latin1, (character) => character.charCodeAt(0));

/**
 * A path as git prints it in a patch, back as text: C-style quoted with octal bytes where it is unusual (git-config(1),
 * `core.quotePath`). Bytes that are not UTF-8 become U+FFFD.
 * @param printed latin-1 text: one character a byte.
 */
export function unquotePath(printed: string): string {
  if (!printed.startsWith('"') || !printed.endsWith('"') || printed.length < 2) return utf8(bytesOf(printed));
  const bytes: number[] = [];
  const inner = printed.slice(1, -1);
  for (let index = 0; index < inner.length; index += 1) {
    if (inner[index] !== '\\') {
      bytes.push(inner.charCodeAt(index));
      continue;
    }
    const octal = /^[0-7]{3}/.exec(inner.slice(index + 1, index + 4))?.[0];
    bytes.push(octal === undefined ? (ESCAPES[inner[index + 1] ?? ''] ?? 63) : Number.parseInt(octal, 8) & 0xff);
    index += octal === undefined ? 1 : 3;
  }
  return utf8(bytes);
}
