import { resolve } from 'node:path';
import type { PolicyFile } from '../../../config/policy-file.js';
import { ERROR_CATALOGUE, type ErrorCode } from '../../../contracts/errors.js';
import { endSentence } from '../../../contracts/sentences.js';
import { compareBlock, findPrBlocks, type PrBlockLines, prBlock, runOfBlock } from '../../../domain/record/pr-block.js';
import { REMOVED_BY_RETENTION } from '../../../domain/record/retention.js';
import { unsandboxedParts, WITHOUT_SANDBOX } from '../../../domain/record/sandboxes.js';
import { printableLine } from '../../app/printable.js';
import type { StoreCommandContext } from '../../app/published-run.js';
import { type AuditRepository, openAuditRepository, requireCommit } from '../commits/audit-repository.js';
import { changeOfCommit } from '../commits/change.js';
import { fileDigest, sessionDigests, sessionPaths } from '../commits/commit-facts.js';
import { judgeCommitter } from '../commits/committer.js';
import {
  type BranchHead,
  type CommitInQuestion,
  type CommitMatch,
  findChangeCommit,
  isChangeOfRun,
  matchCommit,
} from '../commits/match-commit.js';
import {
  type Audit,
  type AuditedRun,
  noteUnreadable,
  openCatalogue,
  type RunCatalogue,
} from '../commits/run-catalogue.js';
import {
  type RunVerification,
  type RunVerifier,
  readNamedText,
  readTrustedPolicies,
  verifyRun,
} from '../verify/verify-run.js';
import { judgeWaivers } from '../verify/waivers.js';

/** Enough for a sentence that lists several lines of a block. */
const MESSAGE_LIMIT = 2_000;

export interface PrCheckOptions {
  readonly body: string;
  readonly commit: string;
  readonly artifactsDir: string;
  readonly policy?: readonly string[];
  readonly bundle?: readonly string[];
}

export async function showPullRequest(
  context: StoreCommandContext,
  { body: bodyPath, commit: revision, artifactsDir, policy, bundle = [] }: PrCheckOptions,
  verify: RunVerifier = verifyRun,
): Promise<void> {
  const output = context.output();
  const body = await readNamedText(resolve(context.cwd, bodyPath));
  const policies = await readTrustedPolicies(context, policy);
  const repository = await openAuditRepository(context.cwd, context.env);
  const commit = await requireCommit(repository, revision);
  const catalogue = await openCatalogue(context, bundle, policies);
  const checked = await checkPullRequest({
    repository,
    catalogue,
    body,
    commit,
    artifactsDir,
    policies,
    now: Date.now(),
    verify: (run) => verify(catalogue.store, run, policies),
  });
  noteUnreadable(output, catalogue);
  for (const { check, code, message } of checked.checks) {
    const mark = code === null ? 'ok    ' : 'FAILED';
    const shown = code === null ? message : `${code}: ${message}`;
    output.say(`${mark} ${check}: ${printableLine(shown, MESSAGE_LIMIT)}`);
    if (code !== null) output.say(`       next: ${ERROR_CATALOGUE[code].hint}`);
  }
  const failed = checked.checks.filter(({ code }) => code !== null);
  output.emit({ passed: failed.length === 0, ...checked, unreadable: catalogue.unreadable() });
  if (failed.length > 0) context.exit(1);
}

interface PullRequestCheck {
  readonly check:
    | 'block'
    | 'record'
    | 'outcome'
    | 'waivers'
    | 'sandbox'
    | 'trailers'
    | 'session'
    | 'change'
    | 'committer';
  /** Null when it holds. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

interface CheckedPullRequest {
  /** Null when no run could be found that the pull request is about. */
  readonly run_id: string | null;
  readonly commit: string;
  /** The commit that brings the change in: `commit`, or one below it that only merges and sessions follow. */
  readonly change_commit: string;
  readonly verification: RunVerification | null;
  readonly checks: readonly PullRequestCheck[];
}

/** The folder of sessions is as given to `promptos pr-block`, since the block shows it. */
interface PullRequestInput extends Audit {
  readonly body: string;
  /** A full id. */
  readonly commit: string;
  readonly policies: readonly PolicyFile[];
  /** When it is judged: milliseconds since the epoch. */
  readonly now: number;
  readonly verify: (run: AuditedRun) => Promise<RunVerification>;
}

type Checked = Omit<PullRequestCheck, 'check'>;

const holds = (message: string): Checked => ({ code: null, message });
const refused = (code: ErrorCode, message: string): Checked => ({ code, message });

/** Judges a pull request; every reason is kept, not only the first. */
async function checkPullRequest(input: PullRequestInput): Promise<CheckedPullRequest> {
  const { catalogue, body, commit, artifactsDir, policies, now, verify } = input;
  const { store } = catalogue;
  const blocks = findPrBlocks(body);
  const head = await findChangeCommit(input, commit);
  const question = head.change;
  const change_commit = question.facts.commit;
  const match = await findMatch(input, question, blocks);
  if (match === null) {
    const block: PullRequestCheck = { check: 'block', ...checkBlock(blocks, null, artifactsDir) };
    const record: PullRequestCheck = { check: 'record', ...noRun(catalogue, commit) };
    return { run_id: null, commit, change_commit, verification: null, checks: [block, record] };
  }
  const { run } = match;
  const verification = await verify(run);
  const { outcome, outcome_reason } = run.record;
  const waivers = judgeWaivers(run.record, now);
  const unsandboxed = unsandboxedParts(run.record);
  const approved =
    outcome === 'approved'
      ? holds('the run was approved')
      : refused('RUN_NOT_APPROVED', endSentence(`Run ${run.runId} ended as ${outcome}: ${outcome_reason}`));
  return {
    run_id: run.runId,
    commit,
    change_commit,
    verification,
    checks: [
      { check: 'block', ...checkBlock(blocks, run, artifactsDir) },
      { check: 'record', ...checkVerified(run, verification) },
      { check: 'outcome', ...approved },
      ...(waivers === null ? [] : [{ check: 'waivers' as const, ...waivers }]),
      ...(unsandboxed === null
        ? []
        : [{ check: 'sandbox' as const, ...holds(`none for ${unsandboxed}, so ${WITHOUT_SANDBOX}`) }]),
      { check: 'trailers', ...checkTrailers(question, match) },
      { check: 'session', ...(await checkSession(input, head, run)) },
      { check: 'change', ...checkChange(question, match) },
      { check: 'committer', ...(await judgeCommitter({ store, run, policies, committer: question.facts.committer })) },
    ],
  };
}

/** The run that the description names, else the one that the commit names or comes from. */
async function findMatch(
  input: PullRequestInput,
  question: CommitInQuestion,
  blocks: readonly PrBlockLines[],
): Promise<CommitMatch | null> {
  const claimed = blocks[0] === undefined ? null : runOfBlock(blocks[0]);
  const facts = claimed === null ? question.facts : { ...question.facts, runs: [claimed] };
  for await (const match of matchCommit(input, { ...question, facts })) return match;
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

/** A bundle that does not verify may be the one of this pull request, and is no better than none. */
function noRun({ refused: bundles }: RunCatalogue, commit: string): Checked {
  const [first] = bundles;
  if (first === undefined) {
    return refused('NO_MATCH', `No published run is named by the description or made commit ${commit}.`);
  }
  const problems = bundles.map(({ bundle, code, message }) => `${bundle}: ${code}: ${message}`);
  return refused('RUN_NOT_VERIFIED', problems.join(' '));
}

function checkVerified({ runId }: AuditedRun, { problem, trusted, remarks }: RunVerification): Checked {
  if (problem !== null) return refused('RUN_NOT_VERIFIED', `${problem.code}: ${problem.message}`);
  const removed = remarks.filter((remark) => remark.startsWith(REMOVED_BY_RETENTION)).map((remark) => `; ${remark}`);
  const how = trusted ? 'verifies' : 'is consistent; it vouches for itself';
  return holds(`run ${runId} ${how}${removed.join('')}`);
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

async function checkSession(
  { repository, commit, artifactsDir }: PullRequestInput,
  { change, above }: BranchHead,
  run: AuditedRun,
): Promise<Checked> {
  const expected = sessionDigests(run);
  const paths = sessionPaths(artifactsDir);
  // A repository that keeps sessions has that of an earlier run until this branch exports its own.
  const touched = await touchedPaths(repository, [...above, change], paths);
  const found = await Promise.all(paths.map((path) => fileDigest(repository, commit, path)));
  const differs = (index: number): boolean => (found[index] ?? expected[index]) !== expected[index];
  const wrong = paths.filter((path, index) => touched.has(path) && differs(index));
  if (wrong.length > 0) {
    return refused('SESSION_DIFFERS', `${wrong.join(' and ')} of the commit: not what run ${run.runId} published.`);
  }
  const own = found[0] === expected[0];
  return holds(own ? `${paths[0]} is that of run ${run.runId}` : `${paths[0]} is not of this pull request`);
}

/** Which of some paths the commits change themselves; what a merge brings in is another branch's. */
async function touchedPaths(
  repository: AuditRepository,
  commits: readonly CommitInQuestion[],
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  const touched = new Set<string>();
  for (const { facts } of commits) {
    if (facts.parents.length > 1) continue;
    const { files } = await changeOfCommit(repository, facts.commit);
    for (const { path } of files ?? []) if (paths.includes(path)) touched.add(path);
  }
  return touched;
}

function checkChange({ facts }: CommitInQuestion, match: CommitMatch): Checked {
  const { run, likeness, applied_before } = match;
  if (facts.parents.length > 1) {
    return refused('COMMIT_DIFFERS', `Commit ${facts.commit} is a merge that is not what git makes of its parents.`);
  }
  if (isChangeOfRun(match)) {
    const moved = likeness === 'moved' ? ', with its lines where git puts them on the new base' : '';
    return holds(`commit ${facts.commit.slice(0, 12)} is exactly the published patch${moved}`);
  }
  if (applied_before !== null) {
    const again = `commit ${applied_before} applied it before, and no run approved it again`;
    return refused('COMMIT_DIFFERS', `Commit ${facts.commit} is the patch of run ${run.runId}, but ${again}.`);
  }
  const why = {
    same: null,
    moved: null,
    misplaced: 'its lines are at a place where git does not put them',
    white_space: 'it differs in white space',
    result: 'its files are as the run left them, and its change is another',
    different: 'it changes something else',
    no_patch: 'the run published no patch',
  }[likeness];
  return refused('COMMIT_DIFFERS', `Commit ${facts.commit} is not the patch of run ${run.runId}: ${why}.`);
}
