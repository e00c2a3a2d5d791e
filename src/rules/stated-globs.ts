import { type ErrorCode, PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import type { RunRequest, Scope } from '../contracts/run-request.js';
import { unreadableGlobs } from './read-glob.js';

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
  default_scope,
  protected_paths,
  protected_tests,
}: Pick<Policy, 'checks' | 'default_scope' | 'protected_paths' | 'protected_tests'>): readonly StatedGlob[] => [
  ...Object.entries(checks).flatMap(([name, { made_of }]) => stated(['checks', name, 'made_of'], made_of)),
  ...(default_scope === undefined ? [] : globsOfScope('default_scope', default_scope)),
  ...stated(['protected_paths'], protected_paths),
  ...stated(['protected_tests'], protected_tests),
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
