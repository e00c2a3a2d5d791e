import { maskSecrets } from '../../rules/mask-secrets.js';
import { printable } from '../../rules/path-names.js';

/**
 * A name or an id that a program printed: on one line, without credentials, and of so many characters at most. Of one that
 * is far longer nothing is kept: a credential whose end is cut off is not recognised.
 */
export function shownName(text: string, most: number): string {
  if (text.length > 4 * most) return `[${text.length} characters]`;
  return printable(maskSecrets(text.toWellFormed()), most - 1);
}
