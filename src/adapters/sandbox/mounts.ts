import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';

/** One thing that a sandbox shows a program. Paths are absolute, and are the same inside and outside. */
export type Mount =
  | { readonly kind: 'readable' | 'writable'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** A file or folder that is hidden although what it is in is shown. */
  | { readonly kind: 'hidden'; readonly path: string; readonly folder: boolean };

/** Whether a path is a folder's own, or of something in it. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
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
