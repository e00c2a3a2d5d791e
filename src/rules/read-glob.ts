import { isBoundedGlob } from './glob-cost.js';
import { type PatternProblem, readPattern } from './glob-pattern.js';

/** What is wrong with a glob, as the end of a sentence, and how to write it where that is known. */
export type GlobProblem = PatternProblem;

/** A glob of the language of docs/globs.md. */
export interface GlobReading {
  /** Patterns of picomatch over paths from the top of the repository: two where the glob can be read in two ways. */
  readonly patterns: readonly string[];
  /** The path that the glob spells; null when it has a wildcard. */
  readonly literal: string | null;
  /** Whether its last segment is a plain name. */
  readonly endsInName: boolean;
  /** Whether it ends with a slash: what is below a folder. */
  readonly folder: boolean;
  /** Whether it begins at the top of the repository: it has a slash within it, or begins with `./`. */
  readonly anchored: boolean;
}

export type ReadGlob = { readonly problem: GlobProblem } | { readonly problem: null; readonly reading: GlobReading };

const CONTROL = /[\u0000-\u001f\u007f]/;
const ABSOLUTE = 'is absolute, and paths begin at the top of the repository';

/** Reads one glob. It has a problem when it can match no path, or when its meaning is not certain. */
export function readGlob(glob: string): ReadGlob {
  const problem = problemOfForm(glob);
  if (problem !== null) return { problem };
  const relative = glob.normalize('NFC').replace(/^(?:\.\/)+/, '');
  const body = relative.replace(/\/$/, '');
  const read = readPattern(body);
  if ('what' in read) return { problem: read };
  if (!isBoundedGlob(read.asSet)) return { problem: { what: 'is too complex to be judged', write: null } };
  const { asSet, asName, literal, endsInName, slashes } = read;
  return {
    problem: null,
    reading: {
      patterns: asSet === asName ? [asSet] : [asSet, asName],
      literal,
      endsInName,
      folder: body !== relative,
      anchored: slashes > 0 || glob.startsWith('./'),
    },
  };
}

/** What a glob's form shows before its characters are read. */
function problemOfForm(glob: string): GlobProblem | null {
  const trimmed = glob.trim();
  if (trimmed !== glob) return { what: 'begins or ends with white space', write: trimmed };
  if (CONTROL.test(glob)) return { what: 'has a control character', write: null };
  if (/^[A-Za-z]:[\\/]/.test(glob)) return { what: ABSOLUTE, write: null };
  if (/\\(?![[\](){}!])/.test(glob)) {
    return { what: 'has a backslash, which separates no folders', write: glob.replaceAll('\\', '/') };
  }
  if (glob.startsWith('/')) {
    const name = glob.replace(/^\/+/, '');
    return { what: ABSOLUTE, write: /\/./.test(name) ? name : `./${name}` };
  }
  if (glob.startsWith('!')) return { what: 'begins with "!", which excludes nothing here', write: null };
  return problemOfSegments(
    glob
      .replace(/^(?:\.\/)+/, '')
      .replace(/\/$/, '')
      .split('/'),
  );
}

function problemOfSegments(segments: readonly string[]): GlobProblem | null {
  if (segments.every((segment) => segment === '' || segment === '.')) {
    return { what: 'names the whole repository', write: '**' };
  }
  if (segments.includes('..')) return { what: 'has a ".." segment, and no path has one', write: null };
  if (segments.includes('') || segments.includes('.')) {
    const write = segments.filter((segment) => segment !== '' && segment !== '.').join('/');
    return { what: 'has an empty or "." segment, and no path has one', write };
  }
  const glued = segments.findIndex((segment) => /[^*{,(|]\*\*|\*\*[^*},)|]|\*{3}/.test(segment));
  if (glued === -1) return null;
  const write = segments.map((segment, index) => (index === glued ? spreadStars(segment) : segment)).join('/');
  return { what: 'has "**" beside other characters, where it crosses no folder', write };
}

const spreadStars = (segment: string): string =>
  /^\*+$/.test(segment)
    ? '**'
    : segment
        .replace(/^\*{2,}(?=[^*])/, '**/*')
        .replace(/(?<=[^*/])\*{2,}$/, '*/**')
        .replace(/(?<=[^*/])\*{2,}(?=[^*])/, '*');

/** A sentence's end for a person: `has a backslash, which separates no folders; write "src/a/**"`. */
export const globProblemText = ({ what, write }: GlobProblem): string =>
  write === null ? what : `${what}; write "${write}"`;

/** The globs of a list that cannot be judged, each with what is wrong with it. */
export const unreadableGlobs = (
  globs: readonly string[],
): readonly { readonly glob: string; readonly what: string }[] =>
  globs.flatMap((glob) => {
    const { problem } = readGlob(glob);
    return problem === null ? [] : [{ glob, what: globProblemText(problem) }];
  });
