import { Command } from 'commander';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { DEFAULT_ARTIFACTS_DIR } from '../../domain/record/pr-block.js';
import { openAuditRepository, requireCommit } from '../audit/audit-repository.js';
import { createExceptionReader } from '../audit/exceptions.js';
import { type CoveredCommit, judgeCommits, type UngovernedCommit } from '../audit/list-ungoverned.js';
import { BUNDLE_HELP, openCatalogue } from '../audit/open-catalogue.js';
import { type AuditedRun, noteUnreadable } from '../audit/run-catalogue.js';
import { collectPaths, readTrustedPolicies } from '../audit/trusted-policies.js';
import { type RunVerifier, verifyRun } from '../audit/verify-run.js';
import { printableLine } from '../printable.js';
import type { StoreCommandContext } from '../published-run.js';
import { describeError } from '../report-error.js';

interface UngovernedOptions {
  readonly since: string;
  readonly branch: string;
  readonly artifactsDir: string;
  readonly policy?: readonly string[];
  readonly bundle?: readonly string[];
}

/** `promptos ungoverned`: what came into a branch past governance. */
export function ungovernedCommand(context: StoreCommandContext, verify: RunVerifier = verifyRun): Command {
  return new Command('ungoverned')
    .description('list the commits of a branch that no verified run covers')
    .requiredOption('--since <ref>', 'the commits that can be reached from here are not looked at')
    .option('--branch <branch>', 'the branch that is looked at', 'HEAD')
    .option('--artifacts-dir <dir>', 'where the repository keeps exported sessions', DEFAULT_ARTIFACTS_DIR)
    .option('--policy <file>', 'a policy to verify the runs against; may stand several times', collectPaths)
    .option('--bundle <files...>', BUNDLE_HELP)
    .addHelpText(
      'after',
      `
Exit 1 when there is one. docs/audit.md explains what covers a commit.

Example:
  $ promptos ungoverned --since v1.2.0 --branch main --policy .promptos/policy.yaml`,
    )
    .action(async ({ since: from, branch, artifactsDir, policy, bundle = [] }: UngovernedOptions) => {
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
      for await (const judged of judgeCommits(input)) {
        if (judged.covered) {
          const { covered: _, ...commit } = judged;
          covered.push(commit);
          if (commit.exception !== undefined) {
            const { integrator, reason, expires_at } = commit.exception;
            output.say(`${commit.commit.slice(0, 12)} ${printableLine(commit.subject)}`);
            output.say(`             excepted by ${integrator} until ${expires_at}: ${printableLine(reason)}`);
          }
        } else {
          const { covered: _, ...commit } = judged;
          ungoverned.push(commit);
          output.say(`${commit.commit.slice(0, 12)} ${printableLine(commit.subject)}`);
          output.say(`             ${printableLine(commit.committer)}: ${printableLine(commit.reason)}`);
        }
      }
      noteUnreadable(output, catalogue);
      const total = covered.length + ungoverned.length;
      const facts = { since, until, commits: total, covered, ungoverned, unreadable: catalogue.unreadable() };
      if (ungoverned.length === 0) {
        output.say(`${counted(total, 'commit')} since ${printableLine(from)}, none of them ungoverned.`);
        output.emit(facts);
        return;
      }
      const summary = `${ungoverned.length} of ${counted(total, 'commit')} since ${from} ${ungoverned.length === 1 ? 'is' : 'are'} covered by no verified run.`;
      const error = describeError(new PromptOsError('UNGOVERNED', summary));
      output.note(`error UNGOVERNED: ${printableLine(summary)}\n  next: ${error.next}`);
      output.emit({ error, ...facts });
      context.exit(1);
    });
}
