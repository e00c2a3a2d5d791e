import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** A request for a file that is refused; the message is for the model. */
export class Refused extends Error {}

/** A place in the checkout that a model named. */
export interface CheckoutPath {
  /** Relative, with forward slashes; `.` for the checkout itself. */
  readonly name: string;
  readonly absolute: string;
  /** Null where nothing is there. */
  readonly stats: Stats | null;
}

const MAX_PATH = 4_096;

/**
 * A path as a model wrote it, when it is one of the checkout.
 * @param root the checkout, as `realpath` gives it
 * @throws Refused for a path that leads out, also by a symbolic link, or into the folder of git
 */
export function checkoutPath(root: string, written: string): CheckoutPath {
  const refuse = (why: string): never => {
    throw new Refused(
      `"${written.slice(0, 200)}" ${why}. Expected a path relative to the checkout, such as "src/a.ts".`,
    );
  };
  if (written.length > MAX_PATH || written.includes('\0')) refuse('is no path');
  if (/^(?:[\\/~]|[a-z]:)/i.test(written)) refuse('is an absolute path');
  const parts = written.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) refuse('leads out of the checkout');
  if (parts.some(isGitFolder)) refuse('is in the folder of git, which belongs to the engine');
  const absolute = join(root, ...parts);
  const stats = statsOf(absolute);
  const real = realPath(stats === null ? existingParent(dirname(absolute)) : parentOf(root, absolute));
  if (real === null || (real !== root && !real.startsWith(root + sep))) {
    return refuse('leads out of the checkout by a symbolic link');
  }
  if (real.slice(root.length).split(sep).some(isGitFolder)) refuse('leads into the folder of git');
  return { name: parts.join('/') || '.', absolute, stats };
}

/** As file systems read it that know no upper case, or drop what ends a name. */
const isGitFolder = (part: string): boolean => /^\.git[ .]*$/i.test(part);

const parentOf = (root: string, absolute: string): string => (absolute === root ? root : dirname(absolute));

/** The nearest folder that is there: what is made below it is made there. */
function existingParent(folder: string): string {
  let at = folder;
  while (statsOf(at) === null) at = dirname(at);
  return at;
}

/** Null where nothing is there, also since a part of the path is a file. */
function statsOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

/** Null for a link that leads nowhere. */
function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
