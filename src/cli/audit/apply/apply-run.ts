import { resolve } from 'node:path';
import { jobOutputSchema } from '../../../contracts/answers/gate-outputs.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { own } from '../../../contracts/json.js';
import type { Policy } from '../../../contracts/policy/policy.js';
import { runRequestSchema } from '../../../contracts/run/run-request.js';
import { counted } from '../../../contracts/sentences.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { ArtifactStore } from '../../../ports/index.js';
import type { Output } from '../../app/output.js';
import { printableLine, shellWord } from '../../app/printable.js';
import {
  type PublishedRunFacts,
  parseFile,
  readPublished,
  readPublishedRun,
  type StoreCommandContext,
} from '../../app/published-run.js';
import type { Questions } from '../../app/questions.js';
import { selectPublishedRun } from '../../runs/read/open-run.js';
import {
  type CommitterJudgement,
  type CommitterQuestion,
  isCommitter,
  judgeCommitter,
  namesOfPrincipal,
  policyOfRun,
} from '../commits/committer.js';
import { judgeWaivers } from '../verify/waivers.js';
import { applyPatch, type CommitPlace } from './apply-patch.js';

export interface ApplyOptions {
  readonly branch?: string;
  readonly repo: string;
  readonly as?: string;
  readonly yes?: true;
}

export async function applyRun(
  context: StoreCommandContext,
  given: string,
  { branch, repo, as: actor, yes }: ApplyOptions,
  questions: Pick<Questions, 'confirm'>,
): Promise<void> {
  const output = context.output();
  const store = await context.openStore();
  const run = await selectPublishedRun(context, given, store);
  const facts = await readPublishedRun(store, run);
  const { record } = facts;
  if (record.outcome !== 'approved') {
    throw new PromptOsError('RUN_NOT_APPROVED', `Run ${run} ended as ${record.outcome}: ${record.outcome_reason}.`);
  }
  const waivers = judgeWaivers(record, Date.now());
  if (waivers?.code != null) throw new PromptOsError(waivers.code, waivers.message);
  if (waivers !== null) output.note(`note: ${printableLine(waivers.message, 1_000)}`);
  const policy = await runPolicy(store, facts);
  const committerName = actor === undefined ? undefined : nameOfCommitter(actor, policy);
  const asked = output.interactive && yes !== true ? questions : null;
  const warn = { store, run: { runId: run, record }, policies: [], policy, output, questions: asked };
  let warning: string | null = null;
  await applyPatch({
    directory: resolve(context.cwd, repo),
    environment: context.env,
    baseCommit: record.base_commit,
    patch: await approvedPatch(store, facts),
    message: commitMessage(await title(store, facts), facts),
    beforeCommit: async (committer, place) => {
      warning = (await warnOfCommitter({ ...warn, committer, place, named: branch ?? null })).code;
    },
    report: (applied) => {
      const where = applied.branch === null ? 'a detached HEAD' : `branch ${applied.branch}`;
      output.say(
        `Run ${run} committed as ${applied.commit.slice(0, 12)} on ${where}: ${counted(applied.files.length, 'file')}.`,
      );
      output.emit({ run_id: run, ...applied, warning });
    },
    ...(branch === undefined ? {} : { branch }),
    ...(committerName === undefined ? {} : { committerName }),
  });
}

/** The policy that the run pins; null when it cannot be read, which the judgement of the committer reports. */
async function runPolicy(store: ArtifactStore, { record }: PublishedRunFacts): Promise<Policy | null> {
  return policyOfRun(store, { runId: record.run_id, record }, []).catch((error: unknown) => {
    if (error instanceof PromptOsError) return null;
    throw error;
  });
}

/** @throws PromptOsError USAGE when the policy knows no such human */
function nameOfCommitter(actor: string, policy: Policy | null): string {
  const principal = own(policy?.principals ?? {}, actor);
  if (principal?.kind === 'human') return principal.display_name ?? actor;
  const humans = Object.entries(policy?.principals ?? {}).flatMap(([name, { kind }]) =>
    kind === 'human' ? [name] : [],
  );
  throw new PromptOsError('USAGE', `--as: expected a human of the run's policy, received ${JSON.stringify(actor)}.`, {
    hint: humans.length === 0 ? "The run's policy cannot be read." : `The policy has ${humans.join(', ')}.`,
  });
}

const hasFile = ({ record }: PublishedRunFacts, path: string): boolean =>
  record.artifacts.some((artifact) => artifact.path === path);

async function approvedPatch(store: ArtifactStore, facts: PublishedRunFacts): Promise<Buffer> {
  if (hasFile(facts, TREE_PATHS.patch)) return readPublished(store, facts.record.run_id, TREE_PATHS.patch);
  const hint = 'A run without the Constrained Builder (P05) changes nothing.';
  throw new PromptOsError('PATCH_NOT_APPLICABLE', `Run ${facts.record.run_id} has no patch.`, { hint });
}

async function title(store: ArtifactStore, facts: PublishedRunFacts): Promise<string> {
  const read = (path: string): Promise<Buffer> => readPublished(store, facts.record.run_id, path);
  const titleSchema = jobOutputSchema.pick({ title: true }).loose();
  const given = hasFile(facts, TREE_PATHS.job)
    ? parseFile(titleSchema, await read(TREE_PATHS.job), TREE_PATHS.job).title
    : parseFile(runRequestSchema, await read(TREE_PATHS.request), TREE_PATHS.request).task.title;
  return given.replaceAll(/\s+/g, ' ').trim();
}

const commitMessage = (subject: string, { record, recordSha256 }: PublishedRunFacts): string =>
  `${subject}\n\nPromptOS-Run: ${record.run_id}\nPromptOS-Record: ${recordSha256}\n`;

interface CommitterWarningOptions extends CommitterQuestion {
  /** Null when the run's policy cannot be read. */
  readonly policy: Policy | null;
  readonly output: Output;
  /** Null when nothing is asked: the commit is made. */
  readonly questions: Pick<Questions, 'confirm'> | null;
  readonly place: CommitPlace;
  /** The branch of the command line; null without one. */
  readonly named: string | null;
}

/**
 * Says before a commit what `pr-check` would say of its committer afterwards, and who may commit instead.
 * @throws PromptOsError with the code of the judgement, when the person who is asked says no
 */
async function warnOfCommitter(options: CommitterWarningOptions): Promise<CommitterJudgement> {
  const judged = await judgeCommitter(options);
  if (judged.code === null) return judged;
  const { output, questions } = options;
  const next = whoMayCommit(options);
  output.note(`warning: ${judged.code}: pr-check will refuse this commit: ${printableLine(judged.message)}\n  ${next}`);
  if (questions !== null && (await questions.confirm('Commit all the same?')) !== true) {
    throw new PromptOsError(judged.code, 'Nothing was committed.', { hint: next });
  }
  return judged;
}

/** The integrators whose commit would pass, and how they commit. */
function whoMayCommit(options: CommitterWarningOptions): string {
  const { policy, run, committer, questions, place, named: branch } = options;
  const { runId, record } = run;
  if (policy === null) return 'Run `promptos verify` to see what is wrong with the run.';
  const able = policy.roles.integrator.filter((name) => name !== record.developer);
  const [first] = able;
  if (first === undefined) return "A person other than the run's writer and developer has to commit it.";
  // A name alone does not help where the address names the developer as well.
  const named = namesOfPrincipal(record.developer, policy);
  const address = isCommitter({ name: '', email: committer.email }, named)
    ? ', with an own address in `git config user.email`'
    : '';
  const who = `Who may commit: ${printableLine(able.join(', '))}.`;
  const apply = (to: string | null): string =>
    `promptos apply ${runId}${to === null ? '' : ` --branch ${shellWord(to)}`} --as ${printableLine(first)}${address}`;
  if (questions !== null) return `${who} They run: ${apply(branch)}.`;
  // The branch of this commit holds the change then, and so may HEAD: theirs begins where this commit does.
  const theirs = `${place.branch ?? runId}-${first}`;
  const start = `git branch ${shellWord(theirs)} ${place.parent.slice(0, 12)}`;
  return `${who} This commit is made all the same. For one that passes they run: ${start} && ${apply(theirs)}.`;
}
