import { resolve } from 'node:path';
import { Command } from 'commander';
import { PromptOsError } from '../../contracts/errors.js';
import { jobOutputSchema } from '../../contracts/gate-outputs.js';
import { runRequestSchema } from '../../contracts/run-request.js';
import { TREE_PATHS } from '../../governance/published-tree.js';
import type { ArtifactStore } from '../../ports/index.js';
import { applyPatch } from '../apply-patch.js';
import { counted } from '../counted.js';
import {
  type PublishedRunFacts,
  parseFile,
  readPublished,
  readPublishedRun,
  type StoreCommandContext,
} from '../published-run.js';
import { selectPublishedRun } from '../select-published-run.js';
import { RUN_ARGUMENT } from '../select-run.js';

interface ApplyCommandOptions {
  readonly branch?: string;
  readonly repo: string;
}

/** `promptos apply`: commits the patch that a run was approved with. */
export function applyCommand(context: StoreCommandContext): Command {
  return new Command('apply')
    .description("commit an approved run's patch, with trailers that name the run and its record")
    .argument('<run>', `${RUN_ARGUMENT}; it was approved`)
    .option('--branch <name>', 'commit there without checking it out; made at HEAD when it does not exist')
    .option('--repo <path>', 'the repository', '.')
    .addHelpText(
      'after',
      `
The branch's versions of the patch's files must be those of the run's base commit, and clean. No hooks run: the commit
holds exactly what was approved.

Example:
  $ promptos apply 20260102-fix-sum --branch fix-sum`,
    )
    .action(async (given: string, { branch, repo }: ApplyCommandOptions) => {
      const store = await context.openStore();
      const run = await selectPublishedRun(context, given, store);
      const facts = await readPublishedRun(store, run);
      const { record } = facts;
      if (record.outcome !== 'approved') {
        throw new PromptOsError('RUN_NOT_APPROVED', `Run ${run} ended as ${record.outcome}: ${record.outcome_reason}.`);
      }
      const applied = await applyPatch({
        directory: resolve(context.cwd, repo),
        environment: context.env,
        baseCommit: record.base_commit,
        patch: await approvedPatch(store, facts),
        message: commitMessage(await title(store, facts), facts),
        ...(branch === undefined ? {} : { branch }),
      });
      const where = applied.branch === null ? 'a detached HEAD' : `branch ${applied.branch}`;
      const output = context.output();
      output.say(
        `Run ${run} committed as ${applied.commit.slice(0, 12)} on ${where}: ${counted(applied.files.length, 'file')}.`,
      );
      output.emit({ run_id: run, ...applied });
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
