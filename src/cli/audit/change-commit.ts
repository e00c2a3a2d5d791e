import type { AuditRepository } from './audit-repository.js';
import { type CommitInQuestion, type OpenCommitInput, openCommit } from './match-commit.js';
import { plainMerge } from './plain-merge.js';

/** The head of a branch, and the commit below it that brings the change in. */
export interface BranchHead {
  readonly change: CommitInQuestion;
  /** From the head down: merges of another branch into this one, commits of an exported session, commits without change. */
  readonly above: readonly CommitInQuestion[];
}

/**
 * Walks down from the head of a branch to the commit that changes something itself. A merge is passed when it holds
 * what git makes of its parents; its first parent is the branch. A commit that adds only an exported session is passed.
 */
export async function findChangeCommit(repository: AuditRepository, input: OpenCommitInput): Promise<BranchHead> {
  const above: CommitInQuestion[] = [];
  for (let commit = input.commit; ; ) {
    const question = await openCommit(repository, { ...input, commit });
    const below = await branchBelow(repository, question, input);
    if (below === null) return { change: question, above };
    above.push(question);
    commit = below;
  }
}

/** The commit of the same branch below one that adds nothing of its own; null for any other. */
async function branchBelow(
  repository: AuditRepository,
  { facts, files }: CommitInQuestion,
  { runs, artifactsDir }: OpenCommitInput,
): Promise<string | null> {
  const [first, ...others] = facts.parents;
  if (first === undefined) return null;
  if (others.length === 0) return files.length === 0 ? first : null;
  return (await plainMerge(repository, facts, { runs, artifactsDir })) === null ? null : first;
}
