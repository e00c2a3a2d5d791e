import { type Matcher, RE2JS } from 're2js';
import { messageOf } from './errors.js';

/**
 * Regular expressions of configuration in the syntax of RE2: the time that one takes grows with the length of the text
 * alone, whatever a hostile program printed. There are no backreferences.
 */
const compiled = new Map<string, RE2JS>();

/** @throws Error for what RE2 does not read */
function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const made = RE2JS.compile(pattern, RE2JS.MULTILINE);
  compiled.set(pattern, made);
  return made;
}

/** What is wrong with a pattern; null when it can be used. */
export function patternProblem(pattern: string): string | null {
  try {
    compile(pattern);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** How many groups a valid pattern captures. */
export const groupsOf = (pattern: string): number => compile(pattern).groupCount();

export interface PatternMatch {
  readonly start: number;
  readonly end: number;
  /** What the first group captured; null without one. */
  readonly group: string | null;
}

/** The first place where a valid pattern matches; `^` and `$` match at lines. */
export function findPattern(pattern: string, text: string): PatternMatch | null {
  const matcher: Matcher = compile(pattern).matcher(text);
  if (!matcher.find()) return null;
  const group = matcher.groupCount() > 0 ? matcher.group(1) : null;
  return { start: matcher.start(), end: matcher.end(), group };
}
