import { PromptOsError } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import { type AuditRepository, findCommit, mergeTrees } from './audit-repository.js';
import {
  type Change,
  type ChangedFile,
  changeOfCommit,
  compareChanges,
  parentOf,
  sameTrees,
  treeWithPatch,
} from './change.js';
import { type CommitFacts, plainMerge, readCommit, sessionFilesOf } from './commit-facts.js';
import type { Audit, AuditedRun, RunCatalogue } from './run-catalogue.js';

/**
 * How the change of a commit relates to a run's patch. It is the run's when it is `same`, or `moved` to another place of
 * its files. `misplaced` has the patch id and not the content that git makes of the patch there; `white_space` differs
 * in white space; `result` leaves the files as the run did and changes something else; `no_patch`: the run has none.
 */
type Likeness = 'same' | 'moved' | 'misplaced' | 'white_space' | 'result' | 'different' | 'no_patch';

export type FoundBy = 'trailer' | 'patch_id' | 'blobs';

export interface CommitMatch {
  readonly run: AuditedRun;
  readonly found_by: FoundBy;
  readonly likeness: Likeness;
  /** An earlier commit of the history with this change of the run: no run approved it a second time. */
  readonly applied_before: string | null;
  readonly record_trailer: 'same' | 'different' | 'absent';
}

/** Whether the run accounts for the commit: it is the run's change, and the first commit of its history that is. */
export const isChangeOfRun = ({ likeness, applied_before }: CommitMatch): boolean =>
  isPublished(likeness) && applied_before === null;

const isPublished = (likeness: Likeness): boolean => likeness === 'same' || likeness === 'moved';

export interface CommitInQuestion {
  readonly facts: CommitFacts;
  /** Its changed files without exported sessions of published runs. */
  readonly files: readonly ChangedFile[];
  /** The same as a change that can be compared; renames as the other one shows them. */
  change(renames: boolean): Promise<Change>;
  /** Runs whose exported session the commit adds. */
  readonly sessions: readonly AuditedRun[];
  /** The paths of these sessions, which are set aside. */
  readonly without: readonly string[];
}

/** @param commit a full id */
export async function openCommit(audit: Audit, commit: string): Promise<CommitInQuestion> {
  const { repository } = audit;
  const facts = await readCommit(repository, commit);
  const whole = await changeOfCommit(repository, commit);
  const files = whole.files ?? [];
  const exported = await sessionFilesOf(audit, { commit, files });
  const without = exported.map(({ path }) => path);
  const read = new Map<boolean, Promise<Change>>();
  if (without.length === 0) read.set(false, Promise.resolve(whole));
  return {
    facts,
    files: files.filter(({ path }) => !without.includes(path)),
    sessions: [...new Set(exported.map(({ run }) => run))],
    without,
    change: (renames) => {
      const change = read.get(renames) ?? changeOfCommit(repository, commit, { renames, without });
      read.set(renames, change);
      return change;
    },
  };
}

/**
 * The runs that a commit may come from, the likeliest first: those that its trailers name, whatever their patch; then
 * those with its patch id or with its resulting files, the approved before others. The search is lazy, so a
 * caller that takes only the first does no further work.
 */
export async function* matchCommit(audit: Audit, commit: CommitInQuestion): AsyncGenerator<CommitMatch> {
  const { catalogue } = audit;
  const named = await namedRuns(catalogue, commit.facts.runs);
  for (const run of named) {
    yield { ...(await relate(audit, commit, run)), found_by: 'trailer' };
  }
  const found: CommitMatch[] = [];
  for (const run of await catalogue.all()) {
    if (named.includes(run)) continue;
    const match = await relate(audit, commit, run);
    if (match.likeness !== 'different' && match.likeness !== 'no_patch') found.push(match);
  }
  yield* found.sort((one, other) => rank(other) - rank(one));
}

async function relate(audit: Audit, question: CommitInQuestion, run: AuditedRun): Promise<CommitMatch> {
  const { records } = question.facts;
  const same = records.length === 1 && records[0] === run.recordSha256;
  const record_trailer = records.length === 0 ? 'absent' : same ? 'same' : 'different';
  const { likeness, found_by } = await compareWithRun(audit, question, run);
  const again = isPublished(likeness) ? await appliedBefore(audit, question, run) : null;
  return { run, found_by, likeness, applied_before: again, record_trailer };
}

async function compareWithRun(
  { repository, catalogue }: Audit,
  { facts: { commit }, change, without }: CommitInQuestion,
  run: AuditedRun,
): Promise<Pick<CommitMatch, 'likeness' | 'found_by'>> {
  const published = await catalogue.change(run, repository);
  if (published === null) return { likeness: 'no_patch', found_by: 'blobs' };
  const own = await change(published.renames);
  const found_by = own.patchId !== null && own.patchId === published.patchId ? 'patch_id' : 'blobs';
  const compared = compareChanges(own, published);
  if (compared === 'identical') return { likeness: 'same', found_by };
  if (compared !== 'same' && compared !== 'moved') return { likeness: compared, found_by };
  const carried = await isCarriedOver(repository, { commit, without }, run);
  return { likeness: carried ? compared : 'misplaced', found_by };
}

/**
 * The newest ancestor that already has the run's change. A run's patch is applied after its base commit, so that nothing
 * older is looked at where the repository has it.
 */
async function appliedBefore(
  audit: Audit,
  { facts: { parents }, files }: CommitInQuestion,
  run: AuditedRun,
): Promise<string | null> {
  const { repository } = audit;
  if (parents.length === 0) return null;
  const base = await findCommit(repository, run.record.base_commit);
  const since = base === null ? [] : [`^${base}`];
  const names = files.map(({ path }) => path);
  // A name that is not UTF-8 cannot be an argument.
  const paths = names.every((name) => Buffer.from(name).toString() === name) ? ['--', ...names] : [];
  const listed = await repository.text(['rev-list', '--no-merges', '--full-history', ...parents, ...since, ...paths]);
  for (const commit of listed.split('\n').filter(Boolean)) {
    const { likeness } = await compareWithRun(audit, await openCommit(audit, commit), run);
    if (isPublished(likeness)) return commit;
  }
  return null;
}

const rank = ({ run, found_by, likeness }: CommitMatch): number =>
  (run.record.outcome === 'approved' ? 4 : 0) + (isPublished(likeness) ? 2 : 0) + (found_by === 'patch_id' ? 1 : 0);

async function namedRuns(catalogue: RunCatalogue, names: readonly string[]): Promise<readonly AuditedRun[]> {
  const found: AuditedRun[] = [];
  for (const name of names.filter((text) => RUN_ID_PATTERN.test(text))) {
    try {
      const run = await catalogue.run(name);
      if (run !== null) found.push(run);
    } catch (error) {
      // The command that looks through all runs reports it.
      if (!(error instanceof PromptOsError)) throw error;
    }
  }
  return found;
}

/** Commits of a scratch repository that nothing but a merge looks at. */
const ANYBODY = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'promptos'],
    [`GIT_${who}_EMAIL`, 'promptos@localhost'],
    [`GIT_${who}_DATE`, '2000-01-01T00:00:00Z'],
  ]),
);

/**
 * Whether a commit's files are what git makes of a run's change on top of the commit's parent, as a rebase or a
 * cherry-pick would. A patch id ignores where lines are, so that the same lines in another function have the same one.
 * Without the run's base commit, the patch is applied to the parent instead.
 * @param without paths that are set aside
 */
async function isCarriedOver(
  repository: AuditRepository,
  { commit, without }: { readonly commit: string; readonly without: readonly string[] },
  { record, patch }: AuditedRun,
): Promise<boolean> {
  if (patch === null) return false;
  const parent = await parentOf(repository, commit);
  const base = await findCommit(repository, record.base_commit);
  return repository.withScratch(async (scratch) => {
    const env = { ...scratch, ...ANYBODY };
    const expected =
      base === null
        ? await treeWithPatch(repository, parent, patch, env)
        : await rebased(repository, { base, parent, patch }, env);
    return expected !== null && (await sameTrees(repository, expected, commit, { without, env }));
  });
}

async function rebased(
  repository: AuditRepository,
  { base, parent, patch }: { readonly base: string; readonly parent: string; readonly patch: Uint8Array },
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  const result = await treeWithPatch(repository, base, patch, env);
  if (result === null) return null;
  const commitOf = async (tree: string, ...parents: readonly string[]): Promise<string> =>
    repository.text(['commit-tree', tree, ...parents.flatMap((id) => ['-p', id]), '-m', 'scratch'], { env });
  // The run's base as their common parent makes the merge a rebase of the one change.
  const common = await commitOf(`${base}^{tree}`);
  const [onto, change] = [await commitOf(`${parent}^{tree}`, common), await commitOf(result, common)];
  const merged = await mergeTrees(repository, onto, change, env);
  return merged === null || merged.conflicts.length > 0 ? null : merged.tree;
}

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
export async function findChangeCommit(audit: Audit, head: string): Promise<BranchHead> {
  const above: CommitInQuestion[] = [];
  for (let commit = head; ; ) {
    const question = await openCommit(audit, commit);
    const below = await branchBelow(audit, question);
    if (below === null) return { change: question, above };
    above.push(question);
    commit = below;
  }
}

/** The commit of the same branch below one that adds nothing of its own; null for any other. */
async function branchBelow(audit: Audit, { facts, files }: CommitInQuestion): Promise<string | null> {
  const [first, ...others] = facts.parents;
  if (first === undefined) return null;
  if (others.length === 0) return files.length === 0 ? first : null;
  return (await plainMerge(audit, facts)) === null ? null : first;
}
