import { basename, resolve } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { RunRecord } from '../../../contracts/record/run-record.js';
import type { ComparedModel } from '../../../contracts/run/independence.js';
import { counted } from '../../../contracts/sentences.js';
import { describeSpending, usageInWords } from '../../../domain/record/usage.js';
import { printableLine } from '../../app/printable.js';
import type { StoreCommandContext } from '../../app/published-run.js';
import { describeError } from '../../app/report-error.js';
import { type AuditRepository, findCommit, openAuditRepository } from '../commits/audit-repository.js';
import {
  type AuditedRun,
  noteUnreadable,
  openCatalogue,
  type RunCatalogue,
  selectAudited,
} from '../commits/run-catalogue.js';
import { type RunVerification, type RunVerifier, readTrustedPolicies, verifyRun } from '../verify/verify-run.js';
import { findTraced, type SubjectKind } from './find-traced.js';
import { type Trace, type TracedArtifact, traceRun } from './trace.js';
import { renderInventories } from './traced-inventories.js';
import { renderPlanned } from './traced-plan.js';
import { renderWork } from './traced-work.js';

export interface TraceOptions {
  readonly repoPath?: string;
  readonly kind?: SubjectKind;
  readonly artifactsDir: string;
  readonly policy?: readonly string[];
  readonly bundle?: readonly string[];
}

export async function traceSubject(
  context: StoreCommandContext,
  given: string,
  options: TraceOptions,
  verify: RunVerifier = verifyRun,
): Promise<void> {
  const output = context.output();
  const policies = await readTrustedPolicies(context, options.policy);
  const catalogue = await openCatalogue(context, options.bundle ?? [], policies);
  const directory = resolve(context.cwd, options.repoPath ?? '.');
  const repository = await repositoryAround(context, directory, options.repoPath !== undefined);
  const { kind = null, artifactsDir } = options;
  const selectRun = (run: string) => selectAudited(context, options.bundle ?? [], catalogue, run);
  const found = await findTraced({ given, kind, catalogue, repository, directory, artifactsDir, selectRun });
  noteUnreadable(output, catalogue);
  if (found.run === null) {
    const nearest = await nearestRuns(catalogue, repository, found.files);
    const error = describeError(new PromptOsError('NO_MATCH', `${JSON.stringify(given)}: ${found.why}.`));
    output.note(`error NO_MATCH: ${error.message}\n  next: ${error.next}`);
    for (const line of nearest.length === 0 ? [] : ['nearest runs:', ...renderNearest(nearest)]) output.say(line);
    output.emit({ error, nearest, unreadable: catalogue.unreadable() });
    context.exit(1);
    return;
  }
  const trace = await traceRun({ catalogue, ...found, verify: (run) => verify(catalogue.store, run, policies) });
  for (const line of renderTrace(trace)) output.say(line);
  output.emit({ subject: given, ...trace, unreadable: catalogue.unreadable() });
  if (trace.problems.length > 0) context.exit(1);
}

async function repositoryAround(
  context: StoreCommandContext,
  directory: string,
  required: boolean,
): Promise<AuditRepository | null> {
  try {
    return await openAuditRepository(directory, context.env);
  } catch (error) {
    // Runs and digests need no repository.
    if (!required && error instanceof PromptOsError && error.code === 'REPO_NOT_GIT') return null;
    throw error;
  }
}

const HOW: Readonly<Record<TracedArtifact['found_by'], string>> = {
  run_id: 'named by its id',
  digest: 'found by its digest',
  trailer: 'found by its PromptOS-Run trailer',
  patch_id: 'found by its patch id',
  blobs: 'found by the files that it results in',
  session: 'holds the exported session',
};

const LIKENESS: Readonly<Record<NonNullable<TracedArtifact['likeness']>, string>> = {
  same: 'exactly the published change',
  moved: 'the published change, at another place of its files',
  misplaced: 'NOT the published change: its lines, at a place where git does not put them',
  white_space: 'the published change but for white space',
  result: 'NOT the published change, though its files are as the run left them',
  different: 'NOT the published change',
  no_patch: 'the run published no change',
};

/** A trace as a person reads it, one line an element. Whatever others wrote is made harmless for a terminal. */
export function renderTrace(trace: Trace): readonly string[] {
  const { artifact, run_record: record, prompt_session: session, prompts, received, decided, problems } = trace;
  return [
    `1 artifact    ${artifactLine(trace)}`,
    ...(artifact.likeness === undefined ? [] : [`              ${LIKENESS[artifact.likeness]}`]),
    ...(artifact.files ?? []).slice(0, 10).map((file) => `              ${printableLine(file)}`),
    ...((artifact.files?.length ?? 0) > 10 ? [`              and ${(artifact.files?.length ?? 0) - 10} more`] : []),
    `2 run record  ${trace.run_id}: ${record.outcome}, ${record.finished_at}`,
    `              ${record.path} sha256:${record.sha256}`,
    `              ${verificationLine(record.verification)}`,
    ...record.verification.remarks.map((remark) => `              NOTE: ${printableLine(remark)}`),
    `              ${printableLine(record.target_repo)} at ${record.base_commit}, policy sha256:${record.policy_sha256}`,
    `              tree ${record.tree}`,
    `3 session     ${session.path}, ${session.timestamp_utc}`,
    `              artifact_hash ${session.artifact_hash}`,
    `              chain_hash ${session.chain_hash}`,
    `4 prompts     ${printableLine(prompts.prompt_os_version)}, pack ${prompts.pack_sha256 ?? 'never opened'}`,
    `              used ${prompts.prompts_used.join(', ') || 'none'}`,
    `              developer ${printableLine(prompts.developer)}, ${signedLine(prompts.request_signed_by)}`,
    ...prompts.texts.map(
      (text) => `              ${text.prompt_id} ${printableLine(text.version)} sha256:${text.sha256}`,
    ),
    `5 received    ${received.length === 0 ? 'nothing: no model was asked' : counted(received.length, 'text')}`,
    ...received.flatMap((one) => [
      `              ${one.gate}.${one.attempt}, try ${one.try}, by ${one.principal}${executorOf(one)}${standing(one.standing)}`,
      `                ${useOf(one)}`,
      ...renderWork(one).map((line) => `                ${line}`),
      `                ${one.path}${one.intact ? '' : ' NOT INTACT'}`,
      `                sha256:${one.sha256}`,
    ]),
    ...renderPlanned(trace.planned),
    ...renderInventories(trace.steered),
    ...renderAccounts(trace),
    `  decided     ${decided.length === 0 ? 'by no integrator' : ''}`.trimEnd(),
    ...decided.map(
      ({ at, about, choice, actor, keyid, signature }) =>
        `              ${at} ${about} ${choice} by ${printableLine(actor)}, ${decisionLine(signature, keyid)}`,
    ),
    ...problems.map((problem) => `PROBLEM: ${printableLine(problem)}`),
  ];
}

function artifactLine({ run_id, artifact }: Trace): string {
  const { kind, found_by, commit, path, sha256 } = artifact;
  const how = HOW[found_by];
  if (kind === 'run') return `everything that run ${run_id} published`;
  if (kind === 'commit') return `${path === undefined ? '' : `${printableLine(path)}, `}commit ${commit}, ${how}`;
  if (kind === 'file') return `${printableLine(basename(path ?? ''))} sha256:${sha256}, ${how}`;
  return `${printableLine(path ?? '')} sha256:${sha256}, ${how}`;
}

function verificationLine({ problem, trusted }: RunVerification): string {
  if (problem !== null) return `NOT VERIFIED: ${problem.code}`;
  return trusted ? 'verified against the policies handed in' : 'consistent, but vouched for by nothing but itself';
}

const signedLine = (keyid: string | null): string =>
  keyid === null ? 'request not signed' : `request signed by ${keyid}`;

function decisionLine(signature: 'valid' | 'invalid' | 'none', keyid: string | null): string {
  if (signature === 'none') return 'UNAUTHENTICATED: the name is a claim';
  return signature === 'valid' ? `signed by ${keyid}` : `SIGNATURE NOT VALID (${printableLine(keyid ?? 'no key')})`;
}

const standing = (value: 'passed' | 'voided' | 'open'): string => (value === 'passed' ? '' : ` (${value})`);

const WHERE: Readonly<Record<string, string>> = { none: ', without a sandbox', elsewhere: ', done elsewhere' };

function executorOf({ program, model, sandbox }: Trace['received'][number]): string {
  if (program === null) return '';
  const named = model === null ? '' : `, model ${printableLine(model)}`;
  return ` with ${printableLine(program)}${named}${WHERE[sandbox ?? ''] ?? ''}`;
}

/** Which model answered, and what it used: claims of the executor. */
function useOf({ requested_model, served_model, usage, failure }: Trace['received'][number]): string {
  const requested = requested_model === null ? '' : `${printableLine(requested_model)} requested, `;
  const served = served_model === null ? 'served model unknown' : `served by ${printableLine(served_model)}`;
  const used = usage === null ? '' : `; ${usageInWords(usage)}`;
  return `${requested}${served}${used}${failure === null ? '' : `; ${failure.replaceAll('_', ' ')}`}`;
}

const renderNearest = (nearest: readonly NearRun[]): readonly string[] =>
  nearest.map(({ run_id, outcome, finished_at, files_in_common }) => {
    const common = files_in_common.map((file) => printableLine(file)).join(', ');
    return `  ${run_id} (${outcome}, ${finished_at})${common === '' ? '' : `: also changed ${common}`}`;
  });

/** A run that something may have to do with, though it does not come from it. */
interface NearRun {
  readonly run_id: string;
  readonly outcome: string;
  readonly finished_at: string;
  readonly files_in_common: readonly string[];
}

/** Enough to look at by hand. */
const NEAREST = 3;

/**
 * The runs of the same repository that are nearest: most files in common first, then the newest.
 * @param repository null outside of one: then all runs are of the same repository
 * @param files paths of the repository
 */
async function nearestRuns(
  catalogue: RunCatalogue,
  repository: AuditRepository | null,
  files: readonly string[],
): Promise<readonly NearRun[]> {
  const near: NearRun[] = [];
  for (const run of await catalogue.all()) {
    if (repository !== null && !(await isOf(repository, run))) continue;
    const changed = repository === null ? [] : await changedPaths(catalogue, repository, run);
    const { outcome, finished_at } = run.record;
    near.push({
      run_id: run.runId,
      outcome,
      finished_at,
      files_in_common: files.filter((file) => changed.includes(file)),
    });
  }
  // Array.prototype.sort is stable, and the catalogue has the newest first.
  return near.sort((one, other) => other.files_in_common.length - one.files_in_common.length).slice(0, NEAREST);
}

/** A repository has the run's base commit, or is called what the run calls its own. */
async function isOf(repository: AuditRepository, { record }: AuditedRun): Promise<boolean> {
  if ((await findCommit(repository, record.base_commit)) !== null) return true;
  const { stdout } = await repository.ask(['config', '--get-regexp', '^remote\\..*\\.url$']);
  const urls = stdout.toString('utf8').split('\n').filter(Boolean);
  const names = urls.map((line) => line.replace(/\/*(?:\.git)?\/*$/, ''));
  if (names.length === 0) return basename(repository.path) === record.target_repo;
  return names.some(
    (name) => /[/: ]/.test(name.at(-record.target_repo.length - 1) ?? '') && name.endsWith(record.target_repo),
  );
}

async function changedPaths(
  catalogue: RunCatalogue,
  repository: AuditRepository,
  run: AuditedRun,
): Promise<readonly string[]> {
  const change = await catalogue.change(run, repository);
  if (change === null) return [];
  if (change.files !== null) return change.files.map(({ path }) => path);
  const { exitCode, stdout } = await repository.ask(['apply', '--numstat', '-z', '-'], { input: run.patch ?? '' });
  if (exitCode !== 0) return [];
  return stdout
    .toString('utf8')
    .split('\0')
    .map((field) => field.split('\t').at(-1) ?? '')
    .filter(Boolean);
}

/** What a trace shows of a run's budgets, and of who judged whom; nothing where the policy asks for neither. */
const renderAccounts = ({
  budgets,
  independence,
}: {
  readonly budgets: RunRecord['budgets'] | null;
  readonly independence: RunRecord['independence'] | null;
}): readonly string[] => [
  ...(budgets == null ? [] : describeSpending(budgets).map((line, index) => under('spent', line, index))),
  ...(independence?.comparisons ?? []).map(({ judge, judged, verdict }, index) =>
    under('judged', `${judge.gate} ${sideOf(judge)} judged ${sideOf(judged)}: ${VERDICTS[verdict]}`, index),
  ),
];

const VERDICTS = { independent: 'independent', same: 'NOT INDEPENDENT', unknown: 'UNKNOWN' } as const;

const under = (name: string, line: string, index: number): string => `  ${(index === 0 ? name : '').padEnd(12)}${line}`;

function sideOf({ role, model, vendors, person }: ComparedModel): string {
  if (person === true) return `${role} (a person)`;
  const named = model === null ? 'model unknown' : printableLine(model);
  return `${role} (${[named, ...vendors].join(', ')})`;
}
