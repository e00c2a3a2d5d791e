import type { Scope } from '../contracts/run-request.js';
import { readGlob } from './read-glob.js';
import { createGlobMatcher } from './scope-matching.js';

/** A glob of a scope and its place in it. */
export interface PlacedGlob {
  readonly list: 'allow' | 'deny';
  readonly index: number;
  readonly glob: string;
}

/** What the globs of a scope come to in a tree. */
export interface ScopeOfTree {
  /** Whether some allowed glob matches a file, or names one that the run may make. */
  readonly useful: boolean;
  /** Globs that match no file of the tree. */
  readonly idle: readonly PlacedGlob[];
  /** Allowed globs that can be read in two ways, and match other files in each. */
  readonly twofold: readonly (PlacedGlob & { readonly write: string })[];
}

/** @param files every path of the tree */
export function judgeScopeOfTree({ allow, deny }: Scope, files: readonly string[]): ScopeOfTree {
  const matched = (glob: string, forbids: boolean) => {
    const { match } = createGlobMatcher([glob], forbids);
    return files.some((path) => match(path) !== undefined);
  };
  const literal = (glob: string) => {
    const read = readGlob(glob);
    return read.problem === null && read.reading.literal !== null && !read.reading.folder;
  };
  const idleOf = (list: PlacedGlob['list'], globs: readonly string[]) =>
    globs.map((glob, index) => ({ list, index, glob })).filter(({ glob }) => !matched(glob, list === 'deny'));
  const idleAllow = idleOf('allow', allow);
  return {
    useful: idleAllow.length < allow.length || allow.some(literal),
    // A path that is written out may be a file that the run will make.
    idle: [...idleAllow.filter(({ glob }) => !literal(glob)), ...idleOf('deny', deny)],
    twofold: allow.flatMap((glob, index) => {
      const write = glob.replace(/(?<!\\)[[\]]/g, '\\$&');
      const asSet = glob.replace(/\[([^\]!^-]{2,})\]/g, (_, set: string) => `{${[...set].join(',')}}`);
      const read = readGlob(glob);
      const isTwofold =
        read.problem === null && read.reading.patterns.length > 1 && matched(write, false) && matched(asSet, false);
      return isTwofold ? [{ list: 'allow' as const, index, glob, write }] : [];
    }),
  };
}
