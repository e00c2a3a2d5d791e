import { Command } from 'commander';
import { z } from 'zod';
import { PromptOsError } from '../../contracts/errors.js';
import { collectPaths } from '../audit/trusted-policies.js';
import type { StoreCommandContext } from '../published-run.js';
import { readUses, readUsing } from '../uses/selectors.js';
import { readTrust } from '../verify/read-trust.js';
import { verifyOne } from '../verify/verify-one.js';
import { verifyStore } from '../verify/verify-store.js';

interface VerifyOptions {
  readonly policy?: readonly string[];
  readonly promptosPolicy?: string;
  readonly all?: string | true;
  readonly using?: readonly string[];
}

/** `promptos verify`: judges a published tree, offline, by nothing but its files and the policies handed in. */
export function verifyCommand(context: StoreCommandContext): Command {
  return new Command('verify')
    .description('check a run from its published tree: every byte, every signature, every rule')
    .argument('[tree-or-run]', 'an exported folder, a bundle, or a run: its id, the beginning of its id, or "latest"')
    .option('--policy <file>', 'a policy that you trust; may be given several times', collectPaths)
    .option('--promptos-policy <file>', 'a policy file of existing PromptOS tooling, checked on top')
    .option('--all [store]', "every run of a store: the folder that holds runs/, or this project's store")
    .option('--using <what>', 'with --all: only runs that used it, such as prompt=P05@1.0.0; repeatable', collectPaths)
    .addHelpText(
      'after',
      `
Without --policy the tree vouches for itself. docs/verify.md explains every check and every code.

Exit codes: 0 verified, 1 not verified (also what cannot be read), 2 wrong usage, 3 the store could not be opened.

Examples:
  $ promptos verify ./exported-run --policy .promptos/policy.yaml
  $ promptos verify run.tar --policy trusted.yaml
  $ promptos verify latest --policy .promptos/policy.yaml
  $ promptos verify --all .promptos/state/artifacts --policy .promptos/policy.yaml
  $ promptos verify --all --using prompt=P05@1.0.0 --using policy=sha256:3f80f81d --policy .promptos/policy.yaml`,
    )
    .action(async (target: string | undefined, options: VerifyOptions) => {
      if ((target === undefined) === (options.all === undefined)) {
        throw new PromptOsError('USAGE', 'Expected either a tree or a run to verify, or --all [STORE].');
      }
      const { using = [] } = options;
      if (using.length > 0 && target !== undefined) throw new PromptOsError('USAGE', '--using selects runs of --all.');
      const wanted = using.length === 0 ? null : readUses(readUsing(using));
      // For one tree, compiling the schemas takes more time than they save.
      if (target !== undefined) z.config({ jitless: true });
      const trust = await readTrust(context.cwd, options);
      const verified =
        target === undefined
          ? await verifyStore(context, { named: options.all ?? true, wanted }, trust)
          : await verifyOne(context, target, trust);
      if (!verified) context.exit(1);
    });
}
