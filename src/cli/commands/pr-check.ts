import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { ERROR_CATALOGUE, PromptOsError } from '../../contracts/errors.js';
import { DEFAULT_ARTIFACTS_DIR } from '../../domain/record/pr-block.js';
import { openAuditRepository, requireCommit } from '../audit/audit-repository.js';
import { checkPullRequest } from '../audit/check-pull-request.js';
import { BUNDLE_HELP, openCatalogue } from '../audit/open-catalogue.js';
import { noteUnreadable } from '../audit/run-catalogue.js';
import { collectPaths, readTrustedPolicies } from '../audit/trusted-policies.js';
import { type RunVerifier, verifyRun } from '../audit/verify-run.js';
import { printableLine } from '../printable.js';
import type { StoreCommandContext } from '../published-run.js';

interface PrCheckOptions {
  readonly body: string;
  readonly commit: string;
  readonly artifactsDir: string;
  readonly policy?: readonly string[];
  readonly bundle?: readonly string[];
}

/** Enough for a sentence that lists several lines of a block. */
const MESSAGE_LIMIT = 2_000;

/** `promptos pr-check`: whether a pull request is what its governed run made, and nothing else. */
export function prCheckCommand(context: StoreCommandContext, verify: RunVerifier = verifyRun): Command {
  return new Command('pr-check')
    .description('check a pull request against its run, in continuous integration')
    .requiredOption('--body <file>', "the pull request's description")
    .requiredOption('--commit <commit>', 'the commit that brings the change in')
    .option('--artifacts-dir <dir>', 'the folder of the exported session in the pull request', DEFAULT_ARTIFACTS_DIR)
    .option('--policy <file>', 'a policy to verify the run against; may stand several times', collectPaths)
    .option('--bundle <files...>', BUNDLE_HELP)
    .addHelpText(
      'after',
      `
A line for each check; exit 1 when one fails. docs/audit.md explains what is compared.

Examples:
  $ promptos pr-check --body pr-body.md --commit HEAD --policy .promptos/policy.yaml
  $ promptos pr-check --body pr-body.md --commit HEAD --policy trusted.yaml --bundle artifacts/evidence/*.tar`,
    )
    .action(async ({ body: bodyPath, commit: revision, artifactsDir, policy, bundle = [] }: PrCheckOptions) => {
      const output = context.output();
      const body = await readBody(resolve(context.cwd, bodyPath));
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
        output.say(
          `${code === null ? 'ok    ' : 'FAILED'} ${check}: ${printableLine(code === null ? message : `${code}: ${message}`, MESSAGE_LIMIT)}`,
        );
        if (code !== null) output.say(`       next: ${ERROR_CATALOGUE[code].hint}`);
      }
      const failed = checked.checks.filter(({ code }) => code !== null);
      output.emit({ passed: failed.length === 0, ...checked, unreadable: catalogue.unreadable() });
      if (failed.length > 0) context.exit(1);
    });
}

async function readBody(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
