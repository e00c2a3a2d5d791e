import { printable } from '../../../rules/paths/path-names.js';
import { maskSecrets } from '../../../rules/secrets/mask-secrets.js';

/**
 * A name or an id that a program printed: on one line, without credentials, and of so many characters at most. Of one that
 * is far longer nothing is kept: a credential whose end is cut off is not recognised.
 */
export const shownName = (text: string, most: number): string =>
  text.length > 4 * most ? `[${text.length} characters]` : shownText(text, most);

/** A text on one line, without credentials, and of so many characters at most. */
export function shownText(text: string, most: number): string {
  const shown = printable(maskSecrets(text.toWellFormed()), most - 1);
  // Once it is cut, a text may be a credential that the whole of it was not.
  return maskSecrets(shown) === shown ? shown : '[masked]';
}
