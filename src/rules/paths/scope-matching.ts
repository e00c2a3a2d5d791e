import picomatch from 'picomatch/posix.js';
import { oncePerText } from '../../contracts/remember.js';
import { RULES_VERSION } from '../../contracts/run/rules-version.js';
import type { Scope } from '../../contracts/run/run-request.js';
import { foldedName } from './path-names.js';
import { type GlobReading, isBoundedGlob, REMEMBERED_GLOBS, readGlob, unreadableGlobs } from './read-glob.js';

export interface GlobMatcher {
  match(path: string): string | undefined;
  /** Globs that cannot be judged: the sentence of what is wrong with each. */
  readonly unreadable: readonly { readonly glob: string; readonly what: string }[];
}

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
  const caseless = picomatch(all.map(foldedName), { dot: true, nonegate: true, nocase: true });
  return (path) => plain(path) || caseless(foldedName(path));
}

const compilerOf = (compile: (reading: GlobReading) => (path: string) => boolean) =>
  oncePerText(REMEMBERED_GLOBS, (glob) => {
    const read = readGlob(glob);
    return {
      glob,
      spelled: glob.normalize('NFC'),
      matches: read.problem === null ? compile(read.reading) : () => false,
    };
  });
const allowingMatcher = compilerOf(allowing);
const forbiddingMatcher = compilerOf(forbidding);

/** A path that is written out matches itself. What cannot be read matches nothing else, and is listed. */
function createPathMatcher(globs: readonly string[], forbids: boolean): GlobMatcher {
  const matchers = globs.map(forbids ? forbiddingMatcher : allowingMatcher);
  return {
    match: (path) => {
      const composed = path.normalize('NFC');
      return matchers.find(({ spelled, matches }) => composed === spelled || matches(composed))?.glob;
    },
    unreadable: unreadableGlobs(globs),
  };
}

/** Any glob of `allow`, none of `deny`. */
type PathScope = Pick<Scope, 'allow' | 'deny'>;

/** Why a path may not be touched, for a person; null when it may. */
export type ScopeJudgement = (path: string) => string | null;

/** Deeper paths than any real tree has are refused, so that matching stays cheap. */
const SEGMENT_LIMIT = 200;

/** The globs of runs that pinned version 1: picomatch's own language, from the top, and no folder covers what is below it. */
function createMatcherOfVersion1(globs: readonly string[], forbids: boolean): GlobMatcher {
  const matchers = globs.map((glob) => ({
    glob,
    matches: isBoundedGlob(glob) ? picomatch(glob, { dot: true, nocase: forbids }) : (path: string) => path === glob,
  }));
  return {
    match: (path) => matchers.find(({ glob, matches }) => path === glob || matches(path))?.glob,
    unreadable: globs
      .filter((glob) => !isBoundedGlob(glob))
      .map((glob) => ({ glob, what: 'is too complex to be judged' })),
  };
}

/** @param forbids what forbids reaches further than what allows; docs/globs.md says how */
export const createGlobMatcher = (
  globs: readonly string[],
  forbids: boolean,
  rulesVersion = RULES_VERSION,
): GlobMatcher => (rulesVersion >= 2 ? createPathMatcher : createMatcherOfVersion1)(globs, forbids);

/**
 * A path is in scope when some allow glob of *every* scope matches it, and neither a deny glob of any of them nor a
 * protected path does. What forbids ignores case, because on many file systems `.PROMPTOS/` is `.promptos/`;
 * what allows does not. A glob that cannot be judged allows only the path that it spells, and forbids everything.
 * @param scopes the request's, and the job's once there is one; with no scope at all nothing is allowed.
 * @param rulesVersion the one that the run pinned
 */
export function createScopeJudgement(
  scopes: readonly PathScope[],
  protectedPaths: readonly string[] = [],
  rulesVersion = RULES_VERSION,
): ScopeJudgement {
  const allowed = scopes.map(({ allow }) => ({ allow, match: createGlobMatcher(allow, false, rulesVersion).match }));
  const denied = createGlobMatcher(
    scopes.flatMap(({ deny }) => deny),
    true,
    rulesVersion,
  );
  const guarded = createGlobMatcher(protectedPaths, true, rulesVersion);
  return (path) => {
    if (allowed.length === 0) return 'no scope was given, so nothing may be touched';
    if (path.split('/').length > SEGMENT_LIMIT) return `deeper than ${SEGMENT_LIMIT} folders`;
    const unreadable = guarded.unreadable[0] ?? denied.unreadable[0];
    if (unreadable !== undefined) return `the glob "${unreadable.glob}" ${unreadable.what}, so it forbids everything`;
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
  rulesVersion = RULES_VERSION,
): boolean => createScopeJudgement(scopes, protectedPaths, rulesVersion)(path) === null;

const quote = (glob: string): string => `"${glob}"`;
