import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { PlanStatements } from '../../contracts/policy/policy-fields.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import type { Criterion, RunRequest, Scope } from '../../contracts/run/run-request.js';
import { createAgentPaths } from '../agent-files/agent-files.js';
import { plannedPaths } from '../patch/patch-rule.js';
import { readGlob, unreadableGlobs } from '../paths/read-glob.js';
import { createGlobMatcher, createScopeJudgement, type ScopeJudgement } from '../paths/scope-matching.js';
import { judgeStatements } from './judge-rollback.js';
import { blockingFinding, type JudgedFinding, plainFinding, roleFinding } from './judged-output.js';

/** P00: every constraint of the request is there once, word for word, and none was made up. */
export function judgeContext(request: RunRequest, output: GateOutputs['P00']): readonly JudgedFinding[] {
  const wanted = new Map(request.context.constraints.map(({ id, text }) => [id, text]));
  const findings: JudgedFinding[] = [];
  const seen = new Set<string>();
  for (const { id, text } of output.constraints) {
    const original = wanted.get(id);
    if (original === undefined) {
      findings.push(blockingFinding('context', `Constraint ${id} is not in the request.`));
    } else if (seen.has(id)) {
      findings.push(blockingFinding('context', `Constraint ${id} is restated more than once.`));
    } else if (text !== original) {
      findings.push(
        blockingFinding(
          'context',
          `Constraint ${id} is not word for word: expected "${original}", received "${text}".`,
        ),
      );
    }
    seen.add(id);
  }
  for (const [id, text] of wanted) {
    if (!seen.has(id)) findings.push(blockingFinding('context', `Constraint ${id} is lost: "${text}".`));
  }
  return findings;
}

export interface JudgedJob {
  readonly request: RunRequest;
  readonly output: GateOutputs['P01'];
  readonly checks: ReadonlySet<string>;
  readonly rules_version: number;
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
export const publishedJob = (request: RunRequest, output: GateOutputs['P01']): GateOutputs['P01'] => ({
  ...output,
  scope: { allow: output.scope.allow, deny: [...new Set([...request.scope.deny, ...output.scope.deny])] },
});

/** The folder that a glob covers as a whole, as it is written; null for any other kind of glob. */
function coveredFolder(glob: string): string | null {
  const plain = glob.replace(/^(?:\.\/)+/, '');
  const folder = plain.replace(/\/(?:\*\*)?$/, '');
  const read = readGlob(folder);
  if (read.problem !== null) return null;
  return folder !== plain || read.reading.literal !== null ? folder : null;
}

/** Whether a job's glob certainly matches nothing that the request's scope does not. What is not certain is no. */
function isNarrower(glob: string, { allow }: Scope, inRequestScope: (path: string) => boolean): boolean {
  if (allow.includes(glob)) return true;
  const read = readGlob(glob);
  // Other tools read a "|" as an alternative.
  if (read.problem !== null || glob.includes('|')) return false;
  if (read.reading.literal !== null) return inRequestScope(read.reading.literal);
  const plain = glob.replace(/^(?:\.\/)+/, '');
  return allow.some((allowed) => allowed === '**' || plain.startsWith(`${coveredFolder(allowed) ?? '\0'}/`));
}

export const plannedFiles = (plan: GateOutputs['P03']): readonly string[] => [
  ...new Set(plan.components.flatMap(({ files }) => files)),
];

/** What a plan is held to. */
export interface PlanTerms {
  readonly scope: ScopeJudgement;
  /** The acceptance criteria that hold. */
  readonly criteria: readonly Criterion[];
  /** Globs of files that steer agents and that the policy lets a patch change. */
  readonly agent_files: readonly string[];
  /** The files of the base commit that steer agents. */
  readonly inventory: Inventory['files'];
  /** What follows when the plan does not say how the change is taken back, or what it means for security. */
  readonly plan_statements: PlanStatements;
  readonly rules_version: number;
}

/** P05 will refuse such a file whatever the plan says, so the writer and the approver of the plan learn it now. */
function plannedAgentFiles(
  plan: GateOutputs['P03'],
  { agent_files, inventory, rules_version }: PlanTerms,
): readonly JudgedFinding[] {
  if (rules_version < 3) return [];
  const { match } = createGlobMatcher(agent_files, false, rules_version);
  const { fileOf } = createAgentPaths(inventory);
  return [...plannedPaths(plannedFiles(plan))].flatMap((path) => {
    const entry = fileOf(path);
    if (entry === null || match(path) !== undefined) return [];
    const message = `The plan names ${path}, which steers coding agents (${entry}). The policy's agent_files.allow does not match it, so P05 will refuse a change of it.`;
    return [plainFinding(PLAN_AGENT_FILES_RULE, 'high', message, { path })];
  });
}

/** The rule that a plan names no file that steers agents and that the policy keeps from every patch. */
export const PLAN_AGENT_FILES_RULE = 'plan_agent_files';

/** The rule that a plan serves criteria that there are. */
export const PLAN_CRITERIA_RULE = 'plan_criteria';

/** Ids of criteria that are not asked for, each once. */
function unknownCriteria(ids: readonly string[], criteria: readonly Criterion[]): readonly string[] {
  const known = new Set(criteria.map(({ id }) => id));
  return [...new Set(ids)].filter((id) => !known.has(id));
}

/** Otherwise a file of the plan seems to serve a requirement, and the trace of plan and patch connects it with none. */
const plannedCriteria = (
  { components }: GateOutputs['P03'],
  { criteria, rules_version }: PlanTerms,
): readonly JudgedFinding[] =>
  rules_version < 4
    ? []
    : components.flatMap(({ name, criteria: served = [] }) =>
        unknownCriteria(served, criteria).map((id) =>
          plainFinding(
            PLAN_CRITERIA_RULE,
            'medium',
            `The component "${name}" of the plan serves criterion ${id}, which the job does not have.`,
          ),
        ),
      );

/** P03: every planned file may be touched, by the scopes that hold, and nothing is left open or unsaid. */
export function judgePlan(plan: GateOutputs['P03'], terms: PlanTerms): readonly JudgedFinding[] {
  const { scope } = terms;
  const outside = plannedFiles(plan).flatMap((path) => {
    const reason = scope(path);
    return reason === null ? [] : [{ path, reason }];
  });
  return [
    ...outside.map(({ path, reason }) =>
      blockingFinding('plan_scope', `The plan names ${path}, which no change may touch: ${reason}.`, { path }),
    ),
    ...plan.open_questions.map(({ id, question }) =>
      blockingFinding('open_questions', `Open question ${id}: ${question}`, { escalates: 'open_question' }),
    ),
    ...plannedAgentFiles(plan, terms),
    ...plannedCriteria(plan, terms),
    ...judgeStatements(plan, terms),
  ];
}

/** P05: the builder says of every acceptance criterion how it is met, and of no other. */
export function judgeBuild(
  criteria: readonly Criterion[],
  output: GateOutputs['P05'],
  rulesVersion: number,
): readonly JudgedFinding[] {
  const ids = output.criteria.map(({ id }) => id);
  const addressed = new Set(ids);
  const unknown = rulesVersion < 4 ? [] : unknownCriteria(ids, criteria);
  return [
    ...criteria
      .filter(({ id }) => !addressed.has(id))
      .map(({ id, text }) => blockingFinding('build', `Criterion ${id} is not addressed: "${text}".`)),
    ...unknown.map((id) =>
      plainFinding('build', 'medium', `The builder says how criterion ${id} is met, which the job does not have.`),
    ),
  ];
}

/**
 * P06: the verifier's judgement beside the engine's own. Its "pass" adds nothing and takes nothing away; its "fail",
 * a criterion that it calls unmet and a criterion that it says nothing of all block.
 */
export function judgeVerification(
  criteria: readonly Criterion[],
  output: GateOutputs['P06'],
): readonly JudgedFinding[] {
  const findings = output.findings.map((finding) => roleFinding('verifier', finding));
  for (const { id, text } of criteria) {
    const entries = output.criteria.filter((entry) => entry.id === id);
    if (entries.length === 0) {
      findings.push(blockingFinding('verifier', `The verifier says nothing of criterion ${id}: "${text}".`));
    }
    for (const { evidence } of entries.filter(({ met }) => !met)) {
      findings.push(blockingFinding('verifier', `Criterion ${id} is not met: ${evidence}`));
    }
  }
  if (output.verdict === 'fail') {
    findings.push(blockingFinding('verifier', `The verifier's verdict is fail: ${output.summary}`));
  }
  return findings;
}

/** P07: the reviewer's findings, with at least one that blocks when the verdict is "fail". None at all is legal. */
export function judgeReview(output: GateOutputs['P07']): readonly JudgedFinding[] {
  const findings = output.findings.map((finding) => roleFinding('review', finding));
  if (output.verdict === 'fail' && !findings.some(({ blocking }) => blocking)) {
    findings.push(blockingFinding('review', `The reviewer's verdict is fail: ${output.summary}`));
  }
  return findings;
}

/** The scopes that hold: the request's and, once there is one, the job's. A path must be inside each. */
export const scopesThatHold = (request: RunRequest, job: GateOutputs['P01'] | null): readonly Scope[] =>
  job === null ? [request.scope] : [request.scope, job.scope];

/** The acceptance criteria that hold: the job's, which contain the request's, or the request's own. */
export const criteriaThatHold = (request: RunRequest, job: GateOutputs['P01'] | null): readonly Criterion[] =>
  job?.acceptance_criteria ?? request.task.acceptance_criteria;

/** Globs of what no run may touch: the policy's, and what its checks are made of, so that the judged cannot edit the judge. */
export const protectedPaths = ({
  protected_paths,
  checks,
}: Pick<Policy, 'protected_paths' | 'checks'>): readonly string[] => [
  ...protected_paths,
  ...Object.values(checks).flatMap(({ made_of }) => made_of),
];

/** What a plan is held to under a policy, a request and, once there is one, a job. */
export const planTerms = (
  policy: Policy,
  request: RunRequest,
  job: GateOutputs['P01'] | null,
  inventory: Inventory['files'],
  rulesVersion: number,
): PlanTerms => ({
  scope: createScopeJudgement(scopesThatHold(request, job), protectedPaths(policy), rulesVersion),
  criteria: criteriaThatHold(request, job),
  agent_files: policy.agent_files?.allow ?? [],
  inventory,
  plan_statements: policy.plan_statements ?? 'note',
  rules_version: rulesVersion,
});

/** What a policy and a plan hold every patch to; null where there is no plan. */
export const patchTerms = (policy: Policy, plan: GateOutputs['P03'] | null) => ({
  protected_paths: protectedPaths(policy),
  protected_tests: policy.protected_tests,
  agent_files: policy.agent_files?.allow ?? [],
  planned_files: plan === null ? null : plannedFiles(plan),
  components: plan?.components ?? [],
  limits: policy.limits,
});
