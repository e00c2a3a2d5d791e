import { oncePerText } from '../../contracts/remember.js';

/** Wildcards that may backtrack within one segment, and `**` in one glob: more could keep a matcher busy for hours. */
const WILDCARDS_PER_SEGMENT = 3;
const GLOBSTARS = 3;

/**
 * Whether matching a glob takes bounded time. A glob may come from a model, and picomatch turns it into a backtracking
 * regular expression: groups that repeat, nested groups, quantifiers after a group and many wildcards in one segment
 * are refused. `@(a|b)`, `?(a)` and `!(a|b)` stay, and every escaped character.
 */
export function isBoundedGlob(glob: string): boolean {
  const plain = glob.replace(/\\./gs, '_').replace(/\[[^\]]*\]/g, '[]');
  if (/(?<![!@?])\(|\(\?|[)\]}]\+|\([^)]*[(+]/.test(plain)) return false;
  if (/\{[^}]*[{+]/.test(plain) || (plain.match(/\{/g) ?? []).length > 3) return false;
  if ((plain.match(/(?<=^|\/)\*\*(?=\/|$)/g) ?? []).length > GLOBSTARS) return false;
  const segments = /[({][^)}]*\//.test(plain) ? [plain] : plain.split('/');
  return segments.every(
    (segment) => segment === '**' || (segment.match(/\*+|!\(/g) ?? []).length <= WILDCARDS_PER_SEGMENT,
  );
}

/** What the characters of a glob come to, in the words of picomatch. */
interface GlobPattern {
  /** With every bracket read as a set of characters where it can be one. */
  readonly asSet: string;
  /** With brackets that may be a name read as that name: `[id]` is a folder of web frameworks too. */
  readonly asName: string;
  /** What the glob spells; null when it has a wildcard. */
  readonly literal: string | null;
  readonly endsInName: boolean;
  readonly slashes: number;
}

interface PatternProblem {
  readonly what: string;
  readonly write: string | null;
}

const PLAIN = /[A-Za-z0-9_\-./\u0080-\uffff]/;

/** Every character as itself: picomatch gives a meaning to most punctuation. */
const spelled = (text: string): string =>
  text.replace(/[\s\S]/g, (character) => (PLAIN.test(character) ? character : `\\${character}`));

/** `[Mm]`: one letter in both cases. */
const isOneLetter = (content: string): boolean =>
  content.length === 2 && content[0] !== content[1] && content[0]?.toLowerCase() === content[1]?.toLowerCase();

const reversedRange = (content: string): boolean =>
  [...content.matchAll(/([^-])-([^-])/g)].some(([, from = '', to = '']) => from > to);

/** Reads the characters of a glob from the left. */
function readPattern(glob: string): GlobPattern | PatternProblem {
  let asSet = '';
  let asName = '';
  let literal: string | null = '';
  let endsInName = true;
  let slashes = 0;
  const groups: ('choice' | 'text')[] = [];
  let braces = 0;
  const put = (pattern: string, name: string | null, alternative = pattern) => {
    asSet += pattern;
    asName += alternative;
    literal = literal === null || name === null ? null : literal + name;
    if (name === null) endsInName = false;
  };
  const text = (value: string) => put(spelled(value), value);
  for (let at = 0; at < glob.length; at += 1) {
    const character = glob[at] as string;
    const rest = glob.slice(at);
    if (character === '\\') {
      at += 1;
      text(glob[at] as string);
    } else if (character === '[') {
      const name = /^\[\.\.\.[^[\]/]*\]|^\[\[[^[\]/]+\]\]/.exec(rest)?.[0];
      const [whole, negation, content = ''] = /^\[([!^]?)(\]?[^\]/\\]*)\]/.exec(rest) ?? [];
      if (name !== undefined) {
        text(name);
        at += name.length - 1;
      } else if (whole === undefined || content === '') {
        return { what: 'has a "[" without its "]"', write: glob.slice(0, at) + rest.replace('[', '[[]') };
      } else {
        if (reversedRange(content)) return { what: `has the range "${whole}", which holds no character`, write: null };
        if (negation !== '') put(`[^${setOf(content)}/]`, null);
        else if (content.length === 1) text(content);
        else if (/.-./.test(content) || isOneLetter(content)) put(`[${setOf(content)}]`, null);
        else put(`[${setOf(content)}]`, null, spelled(whole));
        at += whole.length - 1;
      }
    } else if (character === '(' && /[!@?*+]$/.test(glob.slice(0, at)) && !/\\.$/.test(glob.slice(0, at))) {
      if (/[*+]$/.test(glob.slice(0, at))) return { what: 'is too complex to be judged: a group repeats', write: null };
      if (!rest.includes(')')) return { what: 'has a "(" without its ")"', write: null };
      groups.push('choice');
      put('(', null);
    } else if (character === '(') {
      groups.push('text');
      text('(');
    } else if (character === ')') {
      if (groups.pop() === 'choice') put(')', null);
      else text(')');
    } else if (character === '|' && groups.at(-1) === 'choice') {
      put('|', null);
    } else if (/[!@]/.test(character) && rest[1] === '(') {
      put(character, null);
    } else if (character === '{') {
      const inside = /^\{([^}]*)\}/.exec(rest)?.[1];
      if (inside === undefined) return { what: 'has a "{" without its "}"', write: null };
      if (!/,|\.\./.test(inside)) text('{');
      else {
        braces += 1;
        put('{', null);
      }
    } else if (character === '}' && braces > 0) {
      braces -= 1;
      put('}', null);
    } else if (character === ',' && braces > 0) {
      put(',', null);
    } else if (character === '*' || character === '?') {
      put(character, null);
    } else if (character === '/') {
      if (braces === 0 && !groups.includes('choice')) slashes += 1;
      text('/');
      endsInName = true;
    } else text(character);
  }
  return { asSet, asName, literal, endsInName, slashes };
}

/** Within brackets, what ends them or is picomatch's own. */
const setOf = (content: string): string => content.replace(/[\][\\^]/g, '\\$&');

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

/** The globs of a policy, a job and a plan come again at each gate. */
export const REMEMBERED_GLOBS = 1_000;

/** Reads one glob. It has a problem when it can match no path, or when its meaning is not certain. */
export const readGlob: (glob: string) => ReadGlob = oncePerText(REMEMBERED_GLOBS, (glob) => {
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
});

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
