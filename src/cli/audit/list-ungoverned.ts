import type { AuditRepository } from './audit-repository.js';
import { type CommitInQuestion, type CommitMatch, matchCommit, openCommit } from './match-commit.js';
import type { AuditedRun, RunCatalogue } from './run-catalogue.js';
import type { RunVerification } from './verify-run.js';

/** Why a commit needs no more: a run, an exported session, a merge that adds nothing, or nothing that changed. */
export interface CoveredCommit {
  readonly commit: string;
  readonly subject: string;
  readonly by: CommitMatch['found_by'] | 'session' | 'merge' | 'no_change';
  readonly run_id: string | null;
}

/** A commit that no verified run covers. */
export interface UngovernedCommit {
  readonly commit: string;
  readonly subject: string;
  readonly committer: string;
  readonly reason: string;
}

export interface UngovernedInput {
  readonly repository: AuditRepository;
  readonly catalogue: RunCatalogue;
  /** Full ids: the commits that can be reached from `until` and not from `since`. */
  readonly since: string;
  readonly until: string;
  readonly artifactsDir: string;
  readonly verify: (run: AuditedRun) => Promise<RunVerification>;
}

export type JudgedCommit =
  | ({ readonly covered: true } & CoveredCommit)
  | ({ readonly covered: false } & UngovernedCommit);

/** Judges the commits of a branch, the oldest first. */
export async function* judgeCommits(input: UngovernedInput): AsyncGenerator<JudgedCommit> {
  const { repository, catalogue, since, until, artifactsDir } = input;
  const listed = await repository.text(['rev-list', '--topo-order', '--reverse', `${since}..${until}`]);
  const verifications = new Map<string, Promise<RunVerification>>();
  const verify = (run: AuditedRun): Promise<RunVerification> => {
    const known = verifications.get(run.runId) ?? input.verify(run);
    verifications.set(run.runId, known);
    return known;
  };
  for (const commit of listed.split('\n').filter(Boolean)) {
    const question = await openCommit(repository, { commit, runs: catalogue.all, artifactsDir });
    const { subject, committer } = question.facts;
    const judged = await judge(input, question, verify);
    if (typeof judged === 'string') {
      const who = `${committer.name} <${committer.email}>`;
      yield { covered: false, commit, subject, committer: who, reason: judged };
    } else yield { covered: true, commit, subject, ...judged };
  }
}

/** What covers a commit, or why nothing does. */
async function judge(
  { repository, catalogue }: UngovernedInput,
  question: CommitInQuestion,
  verify: (run: AuditedRun) => Promise<RunVerification>,
): Promise<Pick<CoveredCommit, 'by' | 'run_id'> | string> {
  const { facts, files, sessions } = question;
  const isMerge = facts.parents.length > 1;
  if (isMerge && (await isPlainMerge(repository, facts.commit, facts.parents))) return { by: 'merge', run_id: null };
  for (const run of sessions) {
    const { problem } = await verify(run);
    if (problem !== null) return `the exported session is of run ${run.runId}, which does not verify: ${problem.code}`;
  }
  if (files.length === 0) {
    // One that is like its first parent has thrown the other's changes away.
    if (isMerge) return 'the merge is not what git makes of its parents';
    const [session] = sessions;
    return session === undefined ? { by: 'no_change', run_id: null } : { by: 'session', run_id: session.runId };
  }
  const reasons: string[] = [];
  for await (const match of matchCommit(repository, catalogue, question)) {
    const reason = unlike(match) ?? (await unproven(match.run, verify));
    if (reason === null) return { by: match.found_by, run_id: match.run.runId };
    reasons.push(reason);
  }
  const unknown =
    facts.runs.length === 0
      ? 'no published run made this change'
      : `no published run is called ${facts.runs.join(', ')}`;
  return reasons[0] ?? unknown;
}

/** A trailer is a claim: what covers a commit is that its change is the published one. */
function unlike({ run, likeness }: CommitMatch): string | null {
  if (likeness === 'same' || likeness === 'moved') return null;
  if (likeness === 'white_space') return `the change differs from that of run ${run.runId} in white space`;
  return `the commit names run ${run.runId}, whose patch is another`;
}

async function unproven(
  run: AuditedRun,
  verify: (run: AuditedRun) => Promise<RunVerification>,
): Promise<string | null> {
  if (run.record.outcome !== 'approved') return `run ${run.runId} ended as ${run.record.outcome}`;
  const { problem } = await verify(run);
  return problem === null ? null : `run ${run.runId} does not verify: ${problem.code}`;
}

/** Whether a merge holds what git makes of its two parents, and nothing else. Git before 2.38 cannot tell. */
async function isPlainMerge(repository: AuditRepository, commit: string, parents: readonly string[]): Promise<boolean> {
  if (parents.length !== 2) return false;
  const tree = await repository.text(['rev-parse', `${commit}^{tree}`]);
  return repository.withScratch(async (env) => {
    const { exitCode, stdout } = await repository.ask(['merge-tree', '--write-tree', ...parents], { env });
    return exitCode === 0 && stdout.toString('latin1').trim() === tree;
  });
}
