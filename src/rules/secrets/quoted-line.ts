import { printable } from '../paths/path-names.js';
import { maskSecrets } from './mask-secrets.js';

/** A line of a patch within a message: one that a person can read, and without what may be a secret. */
export const quotedLine = (text: string, limit = 200): string =>
  `"${printable(maskSecrets(text.trim().slice(0, 1_000), 'all'), limit)}"`;
