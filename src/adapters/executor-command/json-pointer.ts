/** What a pointer found. A value that is there may be null, so absence has a case of its own. */
export type PointerResult =
  | { readonly found: true; readonly value: unknown }
  | { readonly found: false; readonly problem: string };

/** Follows a JSON pointer (RFC 6901) into a parsed document. */
export function followPointer(document: unknown, pointer: string): PointerResult {
  if (pointer === '') return { found: true, value: document };
  const nowhere = (why: string): PointerResult => ({ found: false, problem: `the pointer "${pointer}" ${why}` });
  if (!pointer.startsWith('/')) return nowhere('does not begin with "/"');
  if (/~(?![01])/.test(pointer)) return nowhere('has a "~" that neither "0" nor "1" follows');
  let value = document;
  for (const token of pointer.slice(1).split('/')) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!hasMember(value, key)) return nowhere(`leads nowhere: there is no "${key}"`);
    value = (value as Record<string, unknown>)[key];
  }
  return { found: true, value };
}

/** Own members only; of an array only indices without leading zeros. */
function hasMember(value: unknown, key: string): boolean {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(key) && Number(key) < value.length;
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}
