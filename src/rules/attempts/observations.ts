import type { BaselineCheck, CheckBaseline, CheckResult, TestCounts } from '../../contracts/answers/gate-outputs.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { GateId } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import {
  GUARDED_PARTS,
  type RepositoryDigests,
  type RepositoryPart,
  WORKED_PARTS,
} from '../../contracts/repository-parts.js';
import { counted, withinSentence } from '../../contracts/sentences.js';
import { blockingFinding, type JudgedFinding, plainFinding } from '../outputs/judged-output.js';
import { findSecretPatterns } from '../secrets/find-secrets.js';

function failedCheck({ name, status, exit_code, signal, reason, baseline }: CheckResult): JudgedFinding {
  const why = reason ?? (signal === null ? `exit code ${exit_code ?? 'none'}` : `ended by ${signal}`);
  const compared = baseline === undefined ? '' : ` ${onBaseCommit(baseline)}`;
  return blockingFinding('checks', `The check ${name} ${status.replace('_', ' ')}: ${why}.${compared}`);
}

/** Whose failure it is: a check that failed before any change is nothing that the writer can be asked to answer for. */
function onBaseCommit({ status, exit_code, reason }: CheckBaseline): string {
  if (status === 'passed') return 'It passes on the base commit, so the patch broke it.';
  const why = reason ?? `exit code ${exit_code ?? 'none'}`;
  return status === 'failed'
    ? `It fails on the base commit too, without the patch (${why}).`
    : `On the base commit it ${status.replace('_', ' ')} (${why}), so it is not known whether the patch broke it.`;
}

/** Nothing to compare with: the approver answers for it that no test was lost. */
function unknownBaseline({ name, status, baseline }: CheckResult): readonly JudgedFinding[] {
  if (status !== 'passed' || baseline === undefined || baseline.tests !== null) return [];
  const why = baseline.reason ?? `the report could not be read; exit code ${baseline.exit_code ?? 'none'}`;
  const message = `The check ${name} gives no counts on the base commit, so that tests that were lost cannot be noticed: ${why}.`;
  return [plainFinding('checks', 'high', message)];
}

/** What the engine says of the checks that it ran itself: none at all proves nothing and fails. */
export function judgeChecks(results: readonly CheckResult[]): readonly JudgedFinding[] {
  if (results.length === 0) {
    return [
      blockingFinding('no_checks', 'Neither the request nor any criterion names a check, so nothing was proved.'),
    ];
  }
  return [...results.filter(({ status }) => status !== 'passed').map(failedCheck), ...results.flatMap(unknownBaseline)];
}

/**
 * Why the counts of a check's report do not carry its exit code 0, or null when they do. A program that ends early, and
 * tests that were emptied or deleted, show here and nowhere else.
 */
export function judgeCounts(tests: TestCounts, baseline: Pick<CheckBaseline, 'tests'>): string | null {
  if (tests.executed === 0) return 'its report counts no executed test';
  if (tests.failed > 0)
    return `its report counts ${counted(tests.failed, 'failed test')}, although it ended with exit code 0`;
  const before = baseline.tests?.executed ?? 0;
  if (tests.executed >= before) return null;
  return `it executed ${counted(tests.executed, 'test')}; on the base commit it executes ${before}`;
}

/** P00: a check that fails before any change is the base commit's failure, and nothing that the run broke. */
export function judgeBaseline(
  baseline: Policy['baseline'],
  checks: readonly BaselineCheck[],
): readonly JudgedFinding[] {
  if (baseline === 'off') return [];
  return checks
    .filter(({ status }) => status !== 'passed')
    .map(({ name, status, exit_code, reason }) => {
      const why = withinSentence(reason ?? `exit code ${exit_code ?? 'none'}`);
      const failed = status === 'failed' || status === 'timed_out';
      const said = failed
        ? `The check ${name} ${status.replace('_', ' ')} on the base commit, before any change: ${why}.`
        : `Whether the check ${name} passes on the base commit is not known: ${why}.`;
      return baseline === 'block'
        ? blockingFinding('baseline', `${said} The policy asks for a base commit on which it passes.`)
        : plainFinding('baseline', failed ? 'medium' : 'low', said);
    });
}

const settled = ({ status }: { readonly status: string }): boolean => status === 'passed' || status === 'failed';

/** P06: the writer's worker and the verifier's saw different things of the same commit. The verifier's own counts. */
export const judgeBothBaselines = (
  results: readonly CheckResult[],
  writers: readonly BaselineCheck[],
): readonly JudgedFinding[] =>
  results.flatMap(({ name, baseline }) => {
    const other = writers.find((check) => check.name === name);
    if (baseline === undefined || other === undefined || !settled(baseline) || !settled(other)) return [];
    if (baseline.status === other.status) return [];
    const message = `The check ${name} ${other.status} on the base commit at P00 and ${baseline.status} there at P06: it does not always end the same way, or the two workers differ.`;
    return [plainFinding('baseline', 'medium', message)];
  });

/** A variable of a check that looks like a credential, and the place in the policy where it is written. */
export interface SecretVariable {
  readonly path: readonly string[];
  /** Never the value itself. */
  readonly what: string;
}

/** @param advice the end of the sentence about a variable: why it is none for this place, and where it belongs */
const variablesLikeSecrets = (
  path: readonly string[],
  variables: Readonly<Record<string, string>>,
  advice: string,
): readonly SecretVariable[] =>
  Object.entries(variables).flatMap(([name, value]) => {
    const [hit] = findSecretPatterns(`${name}="${value}"`);
    return hit === undefined ? [] : [{ path: [...path, name], what: `holds ${hit.message} (${hit.rule}): ${advice}` }];
  });

/** Variables that look like credentials: the policy is committed, and published with every run. */
export const secretVariables = (policy: Pick<Policy, 'checks' | 'setup'>): readonly SecretVariable[] =>
  (['checks', 'setup'] as const).flatMap((field) =>
    Object.entries<{ readonly env: Readonly<Record<string, string>> }>(policy[field]).flatMap(([command, { env }]) =>
      variablesLikeSecrets(
        [field, command, 'env'],
        env,
        `a policy is published; name the variable under ${field}.env.allow of the worker config instead`,
      ),
    ),
  );

type SetVariables = { readonly env: { readonly set: Readonly<Record<string, string>> } };

/** The same of a worker config, which is committed too. */
export function secretSettings(config: {
  readonly executors: Readonly<Record<string, object>>;
  readonly checks: SetVariables;
  readonly setup: SetVariables;
}): readonly SecretVariable[] {
  const places = [
    ...Object.entries(config.executors).map(([name, executor]) => ({ path: ['executors', name], owner: executor })),
    { path: ['checks'], owner: config.checks },
    { path: ['setup'], owner: config.setup },
  ];
  return places.flatMap(({ path, owner }) => {
    const { env } = owner as Partial<SetVariables>;
    if (env === undefined) return [];
    const place = [...path, 'env'].join('.');
    const advice = `a worker config is committed; name the variable under ${place}.allow, and set it where the worker is started`;
    return variablesLikeSecrets([...path, 'env', 'set'], env.set, advice);
  });
}

/**
 * Refuses a run whose policy gives a check a credential, where no file says at which line.
 * @throws PromptOsError POLICY_INVALID
 */
export function checkPlainVariables(policy: Policy): void {
  const [first] = secretVariables(policy);
  if (first === undefined) return;
  throw new PromptOsError('POLICY_INVALID', `The policy: ${first.path.join('.')} ${first.what}.`);
}

const LABELS: Readonly<Record<RepositoryPart, string>> = {
  configuration: 'configuration',
  hooks: 'hooks',
  attributes: 'attributes',
  object_sources: 'sources of objects (alternates, grafts or replaced objects)',
  promptos_refs: 'refs under refs/promptos',
  head: 'HEAD',
  refs: 'branches, tags or other refs',
  working_tree: 'files of the working tree or the index',
};

/**
 * What changed in the user's own repository while a gate ran whose programs had no sandbox. A person may go on working
 * there: a commit, a branch or an edited file is noted. What decides how git behaves blocks until a person says that the
 * change was their own. In version 1 it was critical, and no more waivable than the policy said.
 */
export function judgeRepositoryChange(
  gate: GateId,
  before: RepositoryDigests | null,
  after: RepositoryDigests | null,
  rulesVersion: number,
): readonly JudgedFinding[] {
  if (before === null || after === null) return [];
  const changed = (part: RepositoryPart): boolean => before[part] !== after[part];
  const severity = rulesVersion >= 2 ? 'high' : 'critical';
  const findings = GUARDED_PARTS.filter(changed).map((part) => {
    const digests = `${before[part]} before, ${after[part]} after.`;
    const message =
      rulesVersion >= 2
        ? `The repository's own ${LABELS[part]} changed while ${gate} ran without a sandbox. The program of the gate can have done it, and so can you or a tool of yours: waive it only if you know that it was you. ${digests}`
        : `The repository's own ${LABELS[part]} changed while ${gate} ran: ${digests}`;
    return blockingFinding('repository_changed', message, { severity, escalates: 'rule_violation' });
  });
  const worked = WORKED_PARTS.filter(changed).map((part) => LABELS[part]);
  if (worked.length === 0) return findings;
  const note = `The repository itself was worked in while ${gate} ran: ${worked.join('; ')}. The run does not depend on it.`;
  return [...findings, plainFinding('repository_used', 'info', note)];
}
