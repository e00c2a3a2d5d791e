import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { RunRequest, Scope } from '../../contracts/run/run-request.js';
import { readGlob, unreadableGlobs } from './read-glob.js';
import { createGlobMatcher } from './scope-matching.js';

/** A glob and the place in its document where it is written. */
export interface StatedGlob {
  readonly path: readonly (string | number)[];
  readonly glob: string;
}

const stated = (path: readonly (string | number)[], globs: readonly string[]): readonly StatedGlob[] =>
  globs.map((glob, index) => ({ path: [...path, index], glob }));

const globsOfScope = (path: string, { allow, deny }: Scope): readonly StatedGlob[] => [
  ...stated([path, 'allow'], allow),
  ...stated([path, 'deny'], deny),
];

export const globsOfRequest = ({ scope }: Pick<RunRequest, 'scope'>): readonly StatedGlob[] =>
  globsOfScope('scope', scope);

/** Every glob of a policy over paths; those of `repositories` are over names. */
export const globsOfPolicy = ({
  checks,
  setup,
  default_scope,
  protected_paths,
  protected_tests,
  agent_files,
}: Pick<
  Policy,
  'checks' | 'setup' | 'default_scope' | 'protected_paths' | 'protected_tests' | 'agent_files'
>): readonly StatedGlob[] => [
  ...Object.entries(checks).flatMap(([name, { made_of }]) => stated(['checks', name, 'made_of'], made_of)),
  ...Object.entries(setup).flatMap(([name, { key_files }]) => stated(['setup', name, 'key_files'], key_files)),
  ...(default_scope === undefined ? [] : globsOfScope('default_scope', default_scope)),
  ...stated(['protected_paths'], protected_paths),
  ...stated(['protected_tests'], protected_tests),
  ...stated(['agent_files', 'allow'], agent_files?.allow ?? []),
];

/** Those of the globs that can match no path, or whose meaning is not certain, with what is wrong. */
export const refusedGlobs = (globs: readonly StatedGlob[]): readonly (StatedGlob & { readonly what: string })[] =>
  globs.flatMap(({ path, glob }) => unreadableGlobs([glob]).map(({ what }) => ({ path, glob, what })));

/**
 * Refuses a run whose request or policy has a glob that cannot be judged, where no file says at which line.
 * @throws PromptOsError REQUEST_INVALID, POLICY_INVALID
 */
export function checkReadableGlobs(request: RunRequest, policy: Policy): void {
  const refuse = (code: ErrorCode, what: string, globs: readonly StatedGlob[]) => {
    const [first] = refusedGlobs(globs);
    if (first === undefined) return;
    throw new PromptOsError(code, `${what}: ${first.path.join('.')}: the glob "${first.glob}" ${first.what}.`);
  };
  refuse('REQUEST_INVALID', 'The request', globsOfRequest(request));
  refuse('POLICY_INVALID', 'The policy', globsOfPolicy(policy));
}

interface PlacedGlob {
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
