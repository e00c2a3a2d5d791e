import type { JobOutput } from '../contracts/gate-outputs.js';
import type { Criterion, RunRequest, Scope } from '../contracts/run-request.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';
import { isNarrower } from './narrower-glob.js';
import { unreadableGlobs } from './read-glob.js';

export interface JudgedJob {
  readonly request: RunRequest;
  readonly output: JobOutput;
  /** Names of the policy's checks. */
  readonly checks: ReadonlySet<string>;
  /** The version of the rules that the run pinned. */
  readonly rules_version: number;
  /** Whether the request's scope holds a literal path. */
  readonly inRequestScope: (path: string) => boolean;
}

/** Without one of these a glob is a literal path: "@", "+" and "!" mean something before "(" only. */
const GLOB_CHARACTERS = /[*?[\]{}()|\\]/;

/** The literal folder of a glob such as `src/lib/**`, with its slash; null for any other kind of glob. */
function literalFolder(glob: string): string | null {
  const folder = glob.endsWith('/**') ? glob.slice(0, -2) : null;
  return folder === null || GLOB_CHARACTERS.test(folder) ? null : folder;
}

/** `isNarrower` for runs that pinned version 1, whose globs have another language. */
function isNarrowerInVersion1(glob: string, scope: Scope, inRequestScope: (path: string) => boolean): boolean {
  if (scope.allow.includes(glob)) return true;
  if (!GLOB_CHARACTERS.test(glob)) return inRequestScope(glob);
  // A bare "|" splits a whole glob in two, so that its start says nothing of what its second half matches.
  if (/[|\\]/.test(glob)) return false;
  return scope.allow.some((allowed) => {
    const folder = literalFolder(allowed);
    return allowed === '**' || (folder !== null && glob.startsWith(folder));
  });
}

function judgeCriterion(wanted: Criterion, given: readonly Criterion[]): string | null {
  const [same, ...more] = given.filter(({ id }) => id === wanted.id);
  if (same === undefined) return `Criterion ${wanted.id} is lost: "${wanted.text}".`;
  if (more.length > 0) return `Criterion ${wanted.id} stands there more than once.`;
  if (same.text !== wanted.text) {
    return `Criterion ${wanted.id} is not word for word: expected "${wanted.text}", received "${same.text}".`;
  }
  if (same.check !== wanted.check) {
    return `Criterion ${wanted.id} must be proved by ${wanted.check ?? 'no check'}, the job says ${same.check ?? 'no check'}.`;
  }
  return null;
}

/** P01: every criterion of the request word for word, checks that exist, and a scope that is never wider. */
export function judgeJob({
  request,
  output,
  checks,
  rules_version,
  inRequestScope,
}: JudgedJob): readonly JudgedFinding[] {
  const criteria = request.task.acceptance_criteria
    .map((wanted) => judgeCriterion(wanted, output.acceptance_criteria))
    .filter((problem) => problem !== null);
  const ids = output.acceptance_criteria.map(({ id }) => id);
  const wanted = new Set(request.task.acceptance_criteria.map(({ id }) => id));
  const added = output.acceptance_criteria.filter(({ id }) => !wanted.has(id));
  const repeated = [...new Set(added.map(({ id }) => id))].filter((id) => ids.indexOf(id) !== ids.lastIndexOf(id));
  const narrows = rules_version >= 2 ? isNarrower : isNarrowerInVersion1;
  const unreadable = rules_version >= 2 ? unreadableGlobs([...output.scope.allow, ...output.scope.deny]) : [];
  const unknown = added.flatMap(({ id, check }) => (check !== undefined && !checks.has(check) ? [{ id, check }] : []));
  return [
    ...criteria.map((problem) => blockingFinding('job', problem)),
    ...repeated.map((id) => blockingFinding('job', `Criterion ${id} stands there more than once.`)),
    ...unknown.map(({ id, check }) =>
      blockingFinding('job', `Criterion ${id} names the check "${check}", which the policy does not have.`),
    ),
    ...unreadable.map(({ glob, what }) => blockingFinding('job', `The glob "${glob}" of the job's scope ${what}.`)),
    ...output.scope.allow
      .filter((glob) => !narrows(glob, request.scope, inRequestScope))
      .map((glob) =>
        blockingFinding('scope_widened', `The job allows "${glob}", which may reach outside the request's scope.`),
      ),
  ];
}

/** The job as it is published: the writer's, with every exclusion of the request kept. */
export const publishedJob = (request: RunRequest, output: JobOutput): JobOutput => ({
  ...output,
  scope: { allow: output.scope.allow, deny: [...new Set([...request.scope.deny, ...output.scope.deny])] },
});
