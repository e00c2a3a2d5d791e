import type { Content } from '../long-bytes.js';
import type { Patch } from './patch.js';

/** A change that is too large for the memory of a worker. */
export interface LongPatch extends Pick<Patch, 'files' | 'unclean'> {
  /** What `git apply` takes. */
  readonly bytes: Content;
  /** git's own text of the change, from which its added lines are read. */
  readonly shown: Content;
  /** Where links point whose place alone may have changed. */
  readonly moved_links: Patch['added_lines'];
  /** What binary files hold. */
  readonly binaries: readonly { readonly path: string; readonly content: Content }[];
  /** Gives up what holds the bytes. */
  release(): void;
}

export const isLongPatch = (change: Patch | LongPatch): change is LongPatch => 'shown' in change;
