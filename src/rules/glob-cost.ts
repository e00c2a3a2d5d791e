/** Wildcards that may backtrack within one segment, and `**` in one glob: more could keep a matcher busy for hours. */
const WILDCARDS_PER_SEGMENT = 3;
const GLOBSTARS = 3;

/**
 * Whether matching a glob takes bounded time. A glob may come from a model, and picomatch turns it into a backtracking
 * regular expression: groups that repeat, nested groups, quantifiers after a group and many wildcards in one segment
 * are refused. `@(a|b)`, `?(a)` and `!(a|b)` stay, and every escaped character.
 */
export function isBoundedGlob(glob: string): boolean {
  const plain = glob.replace(/\\./gs, '_').replace(/\[[^\]]*\]/g, '[]');
  if (/(?<![!@?])\(|\(\?|[)\]}]\+|\([^)]*[(+]/.test(plain)) return false;
  if (/\{[^}]*[{+]/.test(plain) || (plain.match(/\{/g) ?? []).length > 3) return false;
  if ((plain.match(/(?<=^|\/)\*\*(?=\/|$)/g) ?? []).length > GLOBSTARS) return false;
  const segments = /[({][^)}]*\//.test(plain) ? [plain] : plain.split('/');
  return segments.every(
    (segment) => segment === '**' || (segment.match(/\*+|!\(/g) ?? []).length <= WILDCARDS_PER_SEGMENT,
  );
}
