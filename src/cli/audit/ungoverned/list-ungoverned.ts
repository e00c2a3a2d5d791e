import { PromptOsError } from '../../../contracts/errors.js';
import { counted } from '../../../contracts/sentences.js';
import type { CommitException } from '../../../domain/attest/commit-exception.js';
import { printableLine } from '../../app/printable.js';
import type { StoreCommandContext } from '../../app/published-run.js';
import { describeError } from '../../app/report-error.js';
import { openAuditRepository, requireCommit } from '../commits/audit-repository.js';
import { plainMerge } from '../commits/commit-facts.js';
import {
  type CommitInQuestion,
  type CommitMatch,
  isChangeOfRun,
  matchCommit,
  openCommit,
} from '../commits/match-commit.js';
import { type Audit, type AuditedRun, noteUnreadable, openCatalogue } from '../commits/run-catalogue.js';
import { type RunVerification, type RunVerifier, readTrustedPolicies, verifyRun } from '../verify/verify-run.js';
import { createExceptionReader, type ExceptionReader } from './exceptions.js';

export interface UngovernedOptions {
  readonly since: string;
  readonly branch: string;
  readonly artifactsDir: string;
  readonly policy?: readonly string[];
  readonly bundle?: readonly string[];
}

export async function listUngoverned(
  context: StoreCommandContext,
  { since: from, branch, artifactsDir, policy, bundle = [] }: UngovernedOptions,
  verify: RunVerifier = verifyRun,
): Promise<void> {
  const output = context.output();
  const policies = await readTrustedPolicies(context, policy);
  const repository = await openAuditRepository(context.cwd, context.env);
  const [since, until] = [await requireCommit(repository, from), await requireCommit(repository, branch)];
  const catalogue = await openCatalogue(context, bundle, policies);
  const input = {
    repository,
    catalogue,
    since,
    until,
    artifactsDir,
    exceptions: createExceptionReader(repository, until, policies),
    now: new Date(),
    verify: (run: AuditedRun) => verify(catalogue.store, run, policies),
  };
  const covered: CoveredCommit[] = [];
  const ungoverned: UngovernedCommit[] = [];
  const show = ({ commit, subject }: Pick<CoveredCommit, 'commit' | 'subject'>, why: string) => {
    output.say(`${commit.slice(0, 12)} ${printableLine(subject)}`);
    output.say(`             ${why}`);
  };
  for await (const judged of judgeCommits(input)) {
    if ('reason' in judged) {
      ungoverned.push(judged);
      show(judged, `${printableLine(judged.committer)}: ${printableLine(judged.reason)}`);
      continue;
    }
    covered.push(judged);
    if (judged.exception === undefined) continue;
    const { integrator, reason, expires_at } = judged.exception;
    show(judged, `excepted by ${integrator} until ${expires_at}: ${printableLine(reason)}`);
  }
  noteUnreadable(output, catalogue);
  const total = covered.length + ungoverned.length;
  const facts = { since, until, commits: total, covered, ungoverned, unreadable: catalogue.unreadable() };
  if (ungoverned.length === 0) {
    output.say(`${counted(total, 'commit')} since ${printableLine(from)}, none of them ungoverned.`);
    output.emit(facts);
    return;
  }
  const verb = ungoverned.length === 1 ? 'is' : 'are';
  const summary = `${ungoverned.length} of ${counted(total, 'commit')} since ${from} ${verb} covered by no verified run.`;
  const error = describeError(new PromptOsError('UNGOVERNED', summary));
  output.note(`error UNGOVERNED: ${printableLine(summary)}\n  next: ${error.next}`);
  output.emit({ error, ...facts });
  context.exit(1);
}

/**
 * Why a commit needs no more: a run, an exported session, a merge that adds nothing, nothing that changed, an exception
 * that an integrator signed, or only such exceptions in it.
 */
interface CoveredCommit {
  readonly commit: string;
  readonly subject: string;
  readonly by: CommitMatch['found_by'] | 'session' | 'merge' | 'no_change' | 'exception' | 'exceptions_added';
  readonly run_id: string | null;
  /** Who excepts it, why, and until when; only with `exception`. */
  readonly exception?: Pick<CommitException, 'integrator' | 'reason' | 'expires_at'>;
}

interface UngovernedCommit {
  readonly commit: string;
  readonly subject: string;
  readonly committer: string;
  readonly reason: string;
}

interface UngovernedInput extends Audit {
  /** Full ids: the commits that can be reached from `until` and not from `since`. */
  readonly since: string;
  readonly until: string;
  readonly exceptions: ExceptionReader;
  readonly now: Date;
  readonly verify: (run: AuditedRun) => Promise<RunVerification>;
}

/** Judges the commits of a branch, the oldest first. */
async function* judgeCommits(input: UngovernedInput): AsyncGenerator<CoveredCommit | UngovernedCommit> {
  const { repository, since, until } = input;
  const listed = await repository.text(['rev-list', '--topo-order', '--reverse', `${since}..${until}`]);
  const verifications = new Map<string, Promise<RunVerification>>();
  const verify = (run: AuditedRun): Promise<RunVerification> => {
    const known = verifications.get(run.runId) ?? input.verify(run);
    verifications.set(run.runId, known);
    return known;
  };
  for (const commit of listed.split('\n').filter(Boolean)) {
    const question = await openCommit(input, commit);
    const { subject, committer } = question.facts;
    const judged = await judgeWithExceptions(input, question, await judge(input, question, verify));
    const who = `${committer.name} <${committer.email}>`;
    if (typeof judged === 'string') yield { commit, subject, committer: who, reason: judged };
    else yield { commit, subject, ...judged };
  }
}

type Judgement = Omit<CoveredCommit, 'commit' | 'subject'> | string;

/** What nothing else covers, an integrator may have excepted. */
async function judgeWithExceptions(
  { exceptions, now }: UngovernedInput,
  { facts: { commit, parents }, files }: CommitInQuestion,
  judged: Judgement,
): Promise<Judgement> {
  if (typeof judged !== 'string') return judged;
  const found = await exceptions.exceptionOf(commit);
  if (found !== null && typeof found !== 'string') {
    const { integrator, reason, expires_at } = found;
    if (now.getTime() >= Date.parse(expires_at)) return `the exception of ${integrator} expired at ${expires_at}`;
    return { by: 'exception', run_id: null, exception: { integrator, reason, expires_at } };
  }
  if (found !== null) return `${judged}; ${found}`;
  if (parents.length > 1) return judged;
  const added = await Promise.all(
    files.map(({ path, mode }) => mode === '100644' && exceptions.isException(commit, path)),
  );
  return files.length > 0 && added.every(Boolean) ? { by: 'exceptions_added', run_id: null } : judged;
}

/** What covers a commit, or why nothing does. */
async function judge(
  audit: Audit,
  question: CommitInQuestion,
  verify: (run: AuditedRun) => Promise<RunVerification>,
): Promise<Pick<CoveredCommit, 'by' | 'run_id'> | string> {
  const { facts, files } = question;
  const isMerge = facts.parents.length > 1;
  const merged = isMerge ? await plainMerge(audit, facts) : null;
  const sessions = merged ?? question.sessions;
  for (const run of sessions) {
    const { problem } = await verify(run);
    if (problem !== null) return `the exported session is of run ${run.runId}, which does not verify: ${problem.code}`;
  }
  if (merged !== null) return { by: 'merge', run_id: null };
  if (files.length === 0) {
    // One that is like its first parent has thrown the other's changes away.
    if (isMerge) return 'the merge is not what git makes of its parents';
    const [session] = sessions;
    return session === undefined ? { by: 'no_change', run_id: null } : { by: 'session', run_id: session.runId };
  }
  const reasons: string[] = [];
  for await (const match of matchCommit(audit, question)) {
    const reason = unlike(match) ?? (await unproven(match.run, verify));
    if (reason === null) return { by: match.found_by, run_id: match.run.runId };
    reasons.push(reason);
  }
  if (reasons[0] !== undefined) return reasons[0];
  const named = facts.runs.join(', ');
  return named === '' ? 'no published run made this change' : `no published run is called ${named}`;
}

/** A trailer is a claim: what covers a commit is that its change is the published one, applied for the first time. */
function unlike(match: CommitMatch): string | null {
  if (isChangeOfRun(match)) return null;
  const { runId } = match.run;
  if (match.applied_before !== null) {
    return `commit ${match.applied_before.slice(0, 12)} applied the change of run ${runId} before, and no run approved it again`;
  }
  return {
    same: null,
    moved: null,
    misplaced: `the lines are those of run ${runId}, at a place where git does not put them`,
    white_space: `the change differs from that of run ${runId} in white space`,
    result: `the files are as run ${runId} left them, and the change is not its patch`,
    different: `the commit names run ${runId}, whose patch is another`,
    no_patch: `the commit names run ${runId}, which has no patch`,
  }[match.likeness];
}

async function unproven(
  run: AuditedRun,
  verify: (run: AuditedRun) => Promise<RunVerification>,
): Promise<string | null> {
  if (run.record.outcome !== 'approved') return `run ${run.runId} ended as ${run.record.outcome}`;
  const { problem } = await verify(run);
  return problem === null ? null : `run ${run.runId} does not verify: ${problem.code}`;
}
