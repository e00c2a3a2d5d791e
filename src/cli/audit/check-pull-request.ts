import type { PolicyFile } from '../../config/policy-file.js';
import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { GATES } from '../../contracts/names.js';
import { prBlock } from '../../governance/pr-block.js';
import type { AuditRepository } from './audit-repository.js';
import { fileDigest } from './commit-facts.js';
import { isCommitter, namesOfPrincipal } from './committer.js';
import { type CommitInQuestion, type CommitMatch, matchCommit, openCommit } from './match-commit.js';
import { compareBlock, findPrBlocks, type PrBlockLines, runOfBlock } from './pr-body.js';
import { policyOfRun } from './published-policy.js';
import type { AuditedRun, RunCatalogue } from './run-catalogue.js';
import { sessionDigests, sessionPaths } from './session-files.js';
import type { RunVerification } from './verify-run.js';

/** One thing that a pull request was checked for. */
export interface PullRequestCheck {
  readonly check: 'block' | 'record' | 'outcome' | 'trailers' | 'session' | 'change' | 'committer';
  /** Null when it holds. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

export interface CheckedPullRequest {
  /** Null when no run could be found that the pull request is about. */
  readonly run_id: string | null;
  readonly commit: string;
  readonly verification: RunVerification | null;
  readonly checks: readonly PullRequestCheck[];
}

export interface PullRequestInput {
  readonly repository: AuditRepository;
  readonly catalogue: RunCatalogue;
  /** The description of the pull request. */
  readonly body: string;
  /** A full id. */
  readonly commit: string;
  /** As given to `promptos pr-block`, since the block shows it. */
  readonly artifactsDir: string;
  readonly policies: readonly PolicyFile[];
  readonly verify: (run: AuditedRun) => Promise<RunVerification>;
}

type Checked = Omit<PullRequestCheck, 'check'>;

const holds = (message: string): Checked => ({ code: null, message });
const refused = (code: ErrorCode, message: string): Checked => ({ code, message });

/** Judges a pull request; every reason is kept, not only the first. */
export async function checkPullRequest(input: PullRequestInput): Promise<CheckedPullRequest> {
  const { repository, catalogue, body, commit, artifactsDir, verify } = input;
  const blocks = findPrBlocks(body);
  const question = await openCommit(repository, { commit, runs: catalogue.all, artifactsDir });
  const match = await findMatch(input, question, blocks);
  if (match === null) {
    const block: PullRequestCheck = { check: 'block', ...checkBlock(blocks, null, artifactsDir) };
    const none = refused('NO_MATCH', `No published run is named by the description or made commit ${commit}.`);
    return { run_id: null, commit, verification: null, checks: [block, { check: 'record', ...none }] };
  }
  const { run } = match;
  const verification = await verify(run);
  const { outcome, outcome_reason } = run.record;
  const approved =
    outcome === 'approved'
      ? holds('the run was approved')
      : refused('RUN_NOT_APPROVED', `Run ${run.runId} ended as ${outcome}: ${outcome_reason}.`);
  return {
    run_id: run.runId,
    commit,
    verification,
    checks: [
      { check: 'block', ...checkBlock(blocks, run, artifactsDir) },
      { check: 'record', ...checkVerified(run, verification) },
      { check: 'outcome', ...approved },
      { check: 'trailers', ...checkTrailers(question, match) },
      { check: 'session', ...(await checkSession(input, run)) },
      { check: 'change', ...checkChange(question, match) },
      { check: 'committer', ...(await checkCommitter(input, question, run)) },
    ],
  };
}

/** The run that the description names, else the one that the commit names or comes from. */
async function findMatch(
  { repository, catalogue }: PullRequestInput,
  question: CommitInQuestion,
  blocks: readonly PrBlockLines[],
): Promise<CommitMatch | null> {
  const claimed = blocks[0] === undefined ? null : runOfBlock(blocks[0]);
  const facts = claimed === null ? question.facts : { ...question.facts, runs: [claimed] };
  for await (const match of matchCommit(repository, catalogue, { ...question, facts })) return match;
  return null;
}

function checkBlock(blocks: readonly PrBlockLines[], run: AuditedRun | null, artifactsDir: string): Checked {
  const [block, ...more] = blocks;
  if (block === undefined) {
    return refused('PR_BLOCK_MISSING', 'Expected a block that begins with "> **Governed Session**", found none.');
  }
  if (more.length > 0) return refused('PR_BLOCK_DIFFERS', `Expected one block, found ${blocks.length}.`);
  if (run === null) return refused('PR_BLOCK_DIFFERS', 'The block is about no published run.');
  const expected = prBlock({ ...run, artifactsDir }).split('\n');
  const differences = compareBlock(block, expected);
  if (differences.length === 0) return holds(`the block is that of run ${run.runId}`);
  return refused('PR_BLOCK_DIFFERS', `The block is not that of run ${run.runId}: ${differences.join('; ')}.`);
}

function checkVerified({ runId }: AuditedRun, { problem, trusted }: RunVerification): Checked {
  if (problem !== null) return refused('RUN_NOT_VERIFIED', `${problem.code}: ${problem.message}`);
  return holds(trusted ? `run ${runId} verifies` : `run ${runId} is consistent; it vouches for itself`);
}

function checkTrailers({ facts }: CommitInQuestion, { run, record_trailer }: CommitMatch): Checked {
  const others = facts.runs.filter((name) => name !== run.runId);
  if (others.length > 0) {
    return refused('TRAILER_DIFFERS', `Expected the commit to name run ${run.runId}, it names ${others.join(', ')}.`);
  }
  if (record_trailer === 'different') {
    const named = facts.records.join(', ');
    return refused('TRAILER_DIFFERS', `Expected the record ${run.recordSha256}, the commit names ${named}.`);
  }
  return holds(facts.runs.length === 0 ? 'the commit names no run' : `the commit names run ${run.runId}`);
}

async function checkSession({ repository, commit, artifactsDir }: PullRequestInput, run: AuditedRun): Promise<Checked> {
  const expected = sessionDigests(run);
  const paths = sessionPaths(artifactsDir);
  const found = await Promise.all(paths.map((path) => fileDigest(repository, commit, path)));
  const wrong = paths.filter((_, index) => found[index] !== null && found[index] !== expected[index]);
  if (wrong.length > 0) {
    return refused('SESSION_DIFFERS', `${wrong.join(' and ')} of the commit: not what run ${run.runId} published.`);
  }
  return holds(found[0] === null ? `${paths[0]} is not in the commit` : `${paths[0]} is that of run ${run.runId}`);
}

function checkChange({ facts }: CommitInQuestion, { run, likeness }: CommitMatch): Checked {
  if (facts.parents.length > 1) {
    return refused('COMMIT_DIFFERS', `Commit ${facts.commit} is a merge: name the commit that brings the change in.`);
  }
  const why = {
    same: null,
    moved: 'its lines stand at another place of their files',
    white_space: 'it differs in white space',
    different: 'it changes something else',
    no_patch: 'the run published no patch',
  }[likeness];
  if (why === null) return holds('the commit is exactly the published patch');
  return refused('COMMIT_DIFFERS', `Commit ${facts.commit} is not the patch of run ${run.runId}: ${why}.`);
}

async function checkCommitter(
  { catalogue, policies }: PullRequestInput,
  { facts: { committer } }: CommitInQuestion,
  run: AuditedRun,
): Promise<Checked> {
  const shown = `${committer.name} <${committer.email}>`;
  try {
    const policy = await policyOfRun(catalogue.store, run, policies);
    const { record } = run;
    const made = record.gates.filter(({ gate }) => GATES[gate].role === 'writer').flatMap(({ attempts }) => attempts);
    const writers = new Set(made.map(({ principal }) => principal));
    for (const writer of writers) {
      if (isCommitter(committer, namesOfPrincipal(writer, policy))) {
        return refused('COMMITTER_IS_WRITER', `${shown} committed what the writer ${writer} made.`);
      }
    }
    if (isCommitter(committer, namesOfPrincipal(record.developer, policy))) {
      if (policy?.self_approval === 'allowed') return holds(`${shown} started the run; the policy lets them`);
      return refused('COMMITTER_IS_DEVELOPER', `${shown} committed the run that ${record.developer} started.`);
    }
    return holds(`committed by ${shown}`);
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    return refused('RUN_NOT_VERIFIED', `${error.code}: ${error.summary}`);
  }
}
