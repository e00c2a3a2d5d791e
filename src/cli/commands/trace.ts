import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { PromptOsError } from '../../contracts/errors.js';
import { DEFAULT_ARTIFACTS_DIR } from '../../domain/record/pr-block.js';
import { type AuditRepository, openAuditRepository } from '../audit/audit-repository.js';
import { findTraced, SUBJECT_KINDS, type SubjectKind } from '../audit/find-traced.js';
import { nearestRuns } from '../audit/nearest-runs.js';
import { BUNDLE_HELP, openCatalogue, selectAudited } from '../audit/open-catalogue.js';
import { renderNearest, renderTrace } from '../audit/render-trace.js';
import { noteUnreadable } from '../audit/run-catalogue.js';
import { traceRun } from '../audit/trace.js';
import { collectPaths, readTrustedPolicies } from '../audit/trusted-policies.js';
import { type RunVerifier, verifyRun } from '../audit/verify-run.js';
import type { StoreCommandContext } from '../published-run.js';
import { describeError } from '../report-error.js';

interface TraceOptions {
  readonly repoPath?: string;
  readonly kind?: SubjectKind;
  readonly artifactsDir: string;
  readonly policy?: readonly string[];
  readonly bundle?: readonly string[];
}

/** `promptos trace`: from something that runs in production back to the text that a model received. */
export function traceCommand(context: StoreCommandContext, verify: RunVerifier = verifyRun): Command {
  return new Command('trace')
    .description('walk from a file, digest, commit or run to its record, its prompts and who decided')
    .argument('<subject>', 'a path, a SHA-256, a commit, or a run (its id, the beginning of its id, or "latest")')
    .option('--repo-path <path>', 'the repository of commits and paths (default: around the current folder)')
    .addOption(new Option('--kind <kind>', 'what the subject is, where it could be two things').choices(SUBJECT_KINDS))
    .option('--artifacts-dir <dir>', 'where the repository keeps exported sessions', DEFAULT_ARTIFACTS_DIR)
    .option('--policy <file>', 'a policy to verify the run against; may stand several times', collectPaths)
    .option('--bundle <file>', BUNDLE_HELP, collectPaths)
    .addHelpText(
      'after',
      `
Exit 1 when no run accounts for the subject (NO_MATCH), or when something on the way does not hold.

Examples:
  $ promptos trace src/split.js
  $ promptos trace HEAD --policy .promptos/policy.yaml
  $ promptos trace latest --json
  $ promptos trace HEAD --bundle run.tar --policy trusted.yaml`,
    )
    .action(async (given: string, options: TraceOptions) => {
      const output = context.output();
      const policies = await readTrustedPolicies(context, options.policy);
      const catalogue = await openCatalogue(context, options.bundle ?? [], policies);
      const directory = resolve(context.cwd, options.repoPath ?? '.');
      const repository = await repositoryAround(context, directory, options.repoPath !== undefined);
      const { kind = null, artifactsDir } = options;
      const selectRun = (run: string) => selectAudited(context, options.bundle ?? [], catalogue, run);
      const found = await findTraced({ given, kind, catalogue, repository, directory, artifactsDir, selectRun });
      noteUnreadable(output, catalogue);
      if (found.run === null) {
        const nearest = await nearestRuns(catalogue, repository, found.files);
        const error = describeError(new PromptOsError('NO_MATCH', `${JSON.stringify(given)}: ${found.why}.`));
        output.note(`error NO_MATCH: ${error.message}\n  next: ${error.next}`);
        for (const line of nearest.length === 0 ? [] : ['nearest runs:', ...renderNearest(nearest)]) output.say(line);
        output.emit({ error, nearest, unreadable: catalogue.unreadable() });
        context.exit(1);
        return;
      }
      const trace = await traceRun({ catalogue, ...found, verify: (run) => verify(catalogue.store, run, policies) });
      for (const line of renderTrace(trace)) output.say(line);
      output.emit({ subject: given, ...trace, unreadable: catalogue.unreadable() });
      if (trace.problems.length > 0) context.exit(1);
    });
}

async function repositoryAround(
  context: StoreCommandContext,
  directory: string,
  required: boolean,
): Promise<AuditRepository | null> {
  try {
    return await openAuditRepository(directory, context.env);
  } catch (error) {
    // Runs and digests need no repository.
    if (!required && error instanceof PromptOsError && error.code === 'REPO_NOT_GIT') return null;
    throw error;
  }
}
