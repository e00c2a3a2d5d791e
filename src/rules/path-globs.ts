import picomatch from 'picomatch/posix.js';
import { type GlobReading, readGlob, unreadableGlobs } from './read-glob.js';

/** Matches paths against a list of globs. */
export interface GlobMatcher {
  /** The first glob that matches the path. */
  match(path: string): string | undefined;
  /** Globs that cannot be judged: the sentence of what is wrong with each. */
  readonly unreadable: readonly { readonly glob: string; readonly what: string }[];
}

/** One spelling for names that some file system takes for the same: whatever their case and their normal form. */
const folded = (text: string): string =>
  text.normalize('NFD').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');

/** What allows names files from the top of the repository; a name of a folder covers what is below it. */
function allowing({ patterns, folder, endsInName }: GlobReading): (path: string) => boolean {
  const all = patterns.flatMap((pattern) => (folder || endsInName ? [pattern, `${pattern}/**`] : [pattern]));
  return picomatch(all, { dot: true, nonegate: true });
}

/**
 * What forbids reaches further, as in a `.gitignore`: a name without a slash is meant in every folder, and everything
 * below what is matched is forbidden. Case makes no difference.
 */
function forbidding({ patterns, anchored }: GlobReading): (path: string) => boolean {
  const all = patterns.flatMap((pattern) => {
    const from = anchored ? pattern : `**/${pattern}`;
    return [from, `${from}/**`];
  });
  const plain = picomatch(all, { dot: true, nonegate: true, nocase: true });
  const caseless = picomatch(all.map(folded), { dot: true, nonegate: true, nocase: true });
  return (path) => plain(path) || caseless(folded(path));
}

/** A path that is written out matches itself. What cannot be read matches nothing else, and is listed. */
export function createPathMatcher(globs: readonly string[], forbids: boolean): GlobMatcher {
  const read = globs.map((glob) => ({ glob, ...readGlob(glob) }));
  const matchers = read.map((one) => ({
    glob: one.glob,
    spelled: one.glob.normalize('NFC'),
    matches: one.problem !== null ? () => false : forbids ? forbidding(one.reading) : allowing(one.reading),
  }));
  return {
    match: (path) => {
      const composed = path.normalize('NFC');
      return matchers.find(({ spelled, matches }) => composed === spelled || matches(composed))?.glob;
    },
    unreadable: unreadableGlobs(globs),
  };
}
