/** Characters that are invisible, direct the text, or that HFS+ ignores when it compares names. */
const INVISIBLE = /[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const INVISIBLE_ALL = new RegExp(INVISIBLE.source, 'g');

/** Control characters, invisible ones, and U+FFFD, which replaces what was not UTF-8. */
const UNPRINTABLE = new RegExp(`[\\u0000-\\u001f\\u007f-\\u009f\\ufffd]|${INVISIBLE.source}`);

/** One spelling for names that some file system takes for the same: whatever their case and their normal form. */
export const foldedName = (text: string): string =>
  text.normalize('NFD').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');

const PLAIN_PATH = /^[\x20-\x7e]*$/;

/**
 * One spelling for paths that some file system takes for the same: as `foldedName`, without the characters that HFS+ ignores
 * and without the trailing dots, spaces and stream names that NTFS drops. A backslash separates folders, as on Windows.
 */
export function foldedPath(path: string): string {
  const folded = PLAIN_PATH.test(path) ? path.toLowerCase() : foldedName(path.replace(INVISIBLE_ALL, ''));
  return folded.replaceAll('\\', '/').replace(/(?::[^/]*|[. ]+)+(?=\/|$)/g, '');
}

/**
 * Whether some file system takes one segment of a path for `.git`: whatever its case (macOS, Windows), with characters
 * that HFS+ ignores, with the trailing dots, spaces or stream names that NTFS drops, or as its short name `git~1`.
 * @see git's own `verify_dotfile`, `is_hfs_dotgit` and `is_ntfs_dotgit`.
 */
export function isGitName(segment: string): boolean {
  const name = segment
    .replace(INVISIBLE_ALL, '')
    .toLowerCase()
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '');
  return name === '.git' || /^git~\d+$/.test(name);
}

/** What is wrong with a path of a patch, each as a clause; empty for an ordinary path. */
export function pathProblems(path: string): readonly string[] {
  const segments = path.split(/[/\\]/);
  const problems: string[] = [];
  if (segments.some(isGitName)) problems.push('lies under a .git folder');
  if (/^[/\\]/.test(path) || /^[A-Za-z]:[/\\]/.test(path)) problems.push('is absolute');
  if (segments.some((segment) => segment === '..' || segment === '.' || segment === '')) {
    problems.push('has an empty, "." or ".." segment');
  }
  if (UNPRINTABLE.test(path)) problems.push('has control or invisible characters, or is not UTF-8');
  return problems;
}

/**
 * What is wrong with where a symbolic link points, each as a clause. A target may climb at its start only, so that no
 * other link on its way can lead it out of the tree.
 */
export function linkTargetProblems(path: string, target: string): readonly string[] {
  const segments = target.split(/[/\\]/);
  const problems: string[] = [];
  if (segments.some(isGitName)) problems.push('points into a .git folder');
  const climbs = segments.findIndex((segment) => segment !== '..');
  const leading = climbs === -1 ? segments.length : climbs;
  const depth = path.split('/').length - 1;
  if (/^[/\\]/.test(target) || /^[A-Za-z]:/.test(target) || leading > depth || segments.slice(leading).includes('..')) {
    problems.push('points out of the tree');
  }
  if (UNPRINTABLE.test(target)) problems.push('points to a name with control or invisible characters');
  return problems;
}

/** A path or another short text for a message: what cannot be printed as `\u{…}`, and at most `limit` characters. */
export function printable(text: string, limit = 300): string {
  const escaped = text.replace(
    new RegExp(UNPRINTABLE.source, 'g'),
    (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
  return escaped.length <= limit ? escaped : `${escaped.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

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
