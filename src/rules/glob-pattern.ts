/** What the characters of a glob come to, in the words of picomatch. */
export interface GlobPattern {
  /** With every bracket read as a set of characters where it can be one. */
  readonly asSet: string;
  /** With brackets that may be a name read as that name: `[id]` is a folder of web frameworks too. */
  readonly asName: string;
  /** What the glob spells; null when it has a wildcard. */
  readonly literal: string | null;
  readonly endsInName: boolean;
  readonly slashes: number;
}

export interface PatternProblem {
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
export function readPattern(glob: string): GlobPattern | PatternProblem {
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
