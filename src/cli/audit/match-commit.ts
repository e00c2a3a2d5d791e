import { PromptOsError } from '../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../contracts/names.js';
import type { AuditRepository } from './audit-repository.js';
import { type Change, type ChangedFile, changeOfCommit, compareChanges, type Likeness } from './change.js';
import { type CommitFacts, readCommit } from './commit-facts.js';
import type { AuditedRun, RunCatalogue } from './run-catalogue.js';
import { sessionFilesOf } from './session-files.js';

/** How the run of a commit was found. */
export type FoundBy = 'trailer' | 'patch_id' | 'blobs';

/** A commit and a run that it may come from. */
export interface CommitMatch {
  readonly run: AuditedRun;
  readonly found_by: FoundBy;
  /** How the commit's change relates to the run's patch; `no_patch` when the run has none. */
  readonly likeness: Likeness | 'no_patch';
  /** Whether the commit names the digest of the run's record. */
  readonly record_trailer: 'same' | 'different' | 'absent';
}

/** A commit that is compared with published runs. */
export interface CommitInQuestion {
  readonly facts: CommitFacts;
  /** Its changed files without exported sessions of published runs. */
  readonly files: readonly ChangedFile[];
  /** The same as a change that can be compared; renames as the other one shows them. */
  change(renames: boolean): Promise<Change>;
  /** Runs whose exported session the commit adds. */
  readonly sessions: readonly AuditedRun[];
}

export interface OpenCommitInput {
  /** A full id. */
  readonly commit: string;
  /** Runs whose exported session may stand beside the change. */
  readonly runs: () => Promise<readonly AuditedRun[]>;
  /** Where exported sessions are, relative to the top of the repository. */
  readonly artifactsDir: string;
}

export async function openCommit(
  repository: AuditRepository,
  { commit, runs, artifactsDir }: OpenCommitInput,
): Promise<CommitInQuestion> {
  const facts = await readCommit(repository, commit);
  const whole = await changeOfCommit(repository, commit);
  const files = whole.files ?? [];
  const exported = await sessionFilesOf(repository, { commit, files }, runs, artifactsDir);
  const without = exported.map(({ path }) => path);
  const read = new Map<boolean, Promise<Change>>();
  if (without.length === 0) read.set(false, Promise.resolve(whole));
  return {
    facts,
    files: files.filter(({ path }) => !without.includes(path)),
    sessions: [...new Set(exported.map(({ run }) => run))],
    change: (renames) => {
      const change = read.get(renames) ?? changeOfCommit(repository, commit, { renames, without });
      read.set(renames, change);
      return change;
    },
  };
}

/**
 * The runs that a commit may come from, the likeliest first: those that its trailers name, whatever their patch; then
 * those with its patch id or with its resulting files, the approved before others. They are looked for as they are
 * asked for, so that whoever is content with the first pays for no more.
 */
export async function* matchCommit(
  repository: AuditRepository,
  catalogue: RunCatalogue,
  commit: CommitInQuestion,
): AsyncGenerator<CommitMatch> {
  const named = await namedRuns(catalogue, commit.facts.runs);
  for (const run of named) {
    yield { ...(await relate(repository, catalogue, commit, run)), found_by: 'trailer' };
  }
  const found: CommitMatch[] = [];
  for (const run of await catalogue.all()) {
    if (named.includes(run)) continue;
    const match = await relate(repository, catalogue, commit, run);
    if (match.likeness !== 'different' && match.likeness !== 'no_patch') found.push(match);
  }
  yield* found.sort((one, other) => rank(other) - rank(one));
}

async function relate(
  repository: AuditRepository,
  catalogue: RunCatalogue,
  { facts, change }: CommitInQuestion,
  run: AuditedRun,
): Promise<CommitMatch> {
  const { records } = facts;
  const same = records.length === 1 && records[0] === run.recordSha256;
  const record_trailer = records.length === 0 ? 'absent' : same ? 'same' : 'different';
  const published = await catalogue.change(run, repository);
  if (published === null) return { run, found_by: 'blobs', likeness: 'no_patch', record_trailer };
  const own = await change(published.renames);
  const found_by = own.patchId !== null && own.patchId === published.patchId ? 'patch_id' : 'blobs';
  return { run, found_by, likeness: compareChanges(own, published), record_trailer };
}

const rank = ({ run, found_by, likeness }: CommitMatch): number =>
  (run.record.outcome === 'approved' ? 4 : 0) +
  (likeness === 'white_space' ? 0 : 2) +
  (found_by === 'patch_id' ? 1 : 0);

async function namedRuns(catalogue: RunCatalogue, names: readonly string[]): Promise<readonly AuditedRun[]> {
  const found: AuditedRun[] = [];
  for (const name of names.filter((text) => RUN_ID_PATTERN.test(text))) {
    try {
      const run = await catalogue.run(name);
      if (run !== null) found.push(run);
    } catch (error) {
      // Whoever looks through all runs is told of it there.
      if (!(error instanceof PromptOsError)) throw error;
    }
  }
  return found;
}
