import picomatch from 'picomatch/posix.js';
import type { Scope } from '../contracts/run-request.js';
import { isBoundedGlob } from './glob-cost.js';

/** Any glob of `allow`, none of `deny`. */
type PathScope = Pick<Scope, 'allow' | 'deny'>;

/** Why a path may not be touched, for a person; null when it may. */
export type ScopeJudgement = (path: string) => string | null;

/** Deeper paths than any real tree has are refused, so that matching stays cheap. */
const SEGMENT_LIMIT = 200;

/** Matches paths against a list of globs. */
export interface GlobMatcher {
  /** The first glob that matches the path. */
  match(path: string): string | undefined;
  /** Globs that cost too much to be matched. */
  readonly unbounded: readonly string[];
}

/** A path that is written out matches itself, also where the glob language gives its characters a meaning. */
export function createGlobMatcher(globs: readonly string[], nocase: boolean): GlobMatcher {
  const matchers = globs.map((glob) => ({
    glob,
    matches: isBoundedGlob(glob) ? picomatch(glob, { dot: true, nocase }) : (path: string) => path === glob,
  }));
  return {
    match: (path) => matchers.find(({ glob, matches }) => path === glob || matches(path))?.glob,
    unbounded: globs.filter((glob) => !isBoundedGlob(glob)),
  };
}

/**
 * A path is in scope when some allow glob of *every* scope matches it, and neither a deny glob of any of them nor a
 * protected path does. What forbids ignores case, because on many file systems `.PROMPTOS/` is `.promptos/`;
 * what allows does not. A glob that would take unbounded time to match allows only the path that it spells, and forbids
 * everything.
 * @param scopes the request's, and the job's once there is one; with no scope at all nothing is allowed.
 */
export function createScopeJudgement(
  scopes: readonly PathScope[],
  protectedPaths: readonly string[] = [],
): ScopeJudgement {
  const allowed = scopes.map(({ allow }) => ({ allow, match: createGlobMatcher(allow, false).match }));
  const denied = createGlobMatcher(
    scopes.flatMap(({ deny }) => deny),
    true,
  );
  const guarded = createGlobMatcher(protectedPaths, true);
  return (path) => {
    if (allowed.length === 0) return 'no scope was given, so nothing may be touched';
    if (path.split('/').length > SEGMENT_LIMIT) return `deeper than ${SEGMENT_LIMIT} folders`;
    const tooComplex = guarded.unbounded[0] ?? denied.unbounded[0];
    if (tooComplex !== undefined)
      return `the glob "${tooComplex}" is too complex to be judged, so it forbids everything`;
    const protecting = guarded.match(path);
    if (protecting !== undefined) return `protected by the policy's "${protecting}"`;
    const denying = denied.match(path);
    if (denying !== undefined) return `denied by "${denying}"`;
    const missed = allowed.find(({ match }) => match(path) === undefined);
    return missed === undefined ? null : `matched by none of the allowed ${missed.allow.map(quote).join(', ')}`;
  };
}

/** Whether a path may be touched; for many paths keep a {@link createScopeJudgement}. */
export const pathAllowed = (
  path: string,
  scopes: readonly PathScope[],
  protectedPaths: readonly string[] = [],
): boolean => createScopeJudgement(scopes, protectedPaths)(path) === null;

/** The paths that a single glob matches. */
export function matchingPaths(glob: string, paths: readonly string[]): readonly string[] {
  const { match } = createGlobMatcher([glob], false);
  return paths.filter((path) => match(path) !== undefined);
}

/** Whether a glob is a plain path, without any character of the glob language. */
export const isLiteralPath = (glob: string): boolean => !picomatch.scan(glob).isGlob;

const quote = (glob: string): string => `"${glob}"`;
