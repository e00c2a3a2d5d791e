import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** One thing that a sandbox shows a program. Paths are absolute, and are the same inside and outside. */
export type Mount =
  | { readonly kind: 'readable' | 'writable'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** A file or folder that is hidden although what it is in is shown. */
  | { readonly kind: 'hidden'; readonly path: string; readonly folder: boolean };

/** A part of a path that is empty, `.` or `..`, or a slash at its end. */
const INDIRECT = /\/\.{0,2}(?:\/|$)/;
const direct = (path: string): string => (INDIRECT.test(path) ? resolve(path) : path);

/** Whether a path is a folder's own, or of something in it. Both are absolute. */
export function isWithin(path: string, folder: string): boolean {
  const [inner, outer] = [direct(path), direct(folder)];
  return inner === outer || inner.startsWith(outer === '/' ? outer : `${outer}/`);
}

/** A path with every link in it followed, as the kernel compares paths; also of a file that does not exist yet. */
export function followed(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(followed(parent), basename(path));
  }
}
