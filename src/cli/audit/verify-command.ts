import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { readPolicy } from '../../config/policy-file.js';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { parsePromptOsPolicy, type TrustedPolicy, type VerifyTrust } from '../../verify/trust.js';
import type { CheckOutcome } from '../../verify/verify-tree.js';
import { verifyTree } from '../../verify/verify-tree.js';
import { printableLine } from '../app/printable.js';
import type { StoreCommandContext } from '../app/published-run.js';
import { readUses, readUsing } from '../runs/run-uses.js';
import { collectPaths, openTarget } from './verify-run.js';
import { showOutcome, verifyStore, warnOfNoTrust } from './verify-store.js';
import { describeWaiver, withExpired } from './waivers.js';

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

/**
 * What a verifier goes by, from the files that the command names.
 * @throws PromptOsError POLICY_NOT_FOUND, POLICY_INVALID, YAML_MALFORMED, FILE_NOT_READABLE
 */
async function readTrust(
  cwd: string,
  options: { readonly policy?: readonly string[]; readonly promptosPolicy?: string },
): Promise<VerifyTrust> {
  const policies: TrustedPolicy[] = [];
  for (const path of options.policy ?? []) policies.push(await readPolicy(resolve(cwd, path)));
  if (options.promptosPolicy === undefined) return { policies };
  const path = resolve(cwd, options.promptosPolicy);
  const text = await readFile(path, 'utf8').catch((error: Error): never => {
    throw new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
  });
  return { policies, promptosPolicy: parsePromptOsPolicy(text, path) };
}

/** Verifies one tree, telling of each check as it is done. @returns whether it is verified */
async function verifyOne(context: StoreCommandContext, target: string, trust: VerifyTrust): Promise<boolean> {
  const output = context.output();
  const { reader, ...named } = await openTarget(context, target);
  warnOfNoTrust(output, trust);
  const outcomes: CheckOutcome[] = [];
  for await (const outcome of verifyTree(reader, { ...trust, ...named })) {
    outcomes.push(outcome);
    showOutcome(output, outcome);
    output.emit(outcome);
  }
  if (outcomes.length === 0) throw new PromptOsError('INTERNAL', 'Nothing was checked.');
  const first = outcomes.find(({ status }) => status === 'failed');
  const remarks = outcomes.flatMap((outcome) => outcome.remarks);
  const left = outcomes.flatMap(({ not_recomputed = [] }) => not_recomputed);
  const incomplete = first?.failure?.code === 'TREE_INCOMPLETE';
  const waivers = outcomes.flatMap((outcome) => outcome.waivers ?? []);
  const now = Date.now();
  const unprotected = outcomes.flatMap((outcome) => outcome.unprotected_keys ?? []);
  const { code = null, path = null, expected = null, found = null } = first?.failure ?? {};
  output.emit({
    target,
    verified: first === undefined,
    incomplete,
    self_vouching: trust.policies.length === 0,
    code,
    path,
    expected,
    found,
    remarks,
    not_recomputed: left,
    waivers: withExpired(waivers, now),
    unprotected_keys: unprotected,
  });
  const but = remarks.length === 0 ? '' : `, with ${counted(remarks.length, 'note')} above`;
  if (left.length > 0) output.say('\nNot recomputed from the tree alone:');
  for (const one of left) output.say(`- ${one}`);
  if (waivers.length > 0) output.say('\nWaived by an integrator:');
  for (const line of waivers.flatMap((waiver) => describeWaiver(waiver, now))) output.say(`  ${line}`);
  if (unprotected.length > 0) output.say('\nKeys without a passphrase, as the programs that signed with them say:');
  for (const { principal, keyid, acts } of unprotected) {
    output.say(`- ${printableLine(keyid)} of ${printableLine(principal)}, which signed ${counted(acts, 'message')}`);
  }
  if (first === undefined) output.say(`\nVerified: ${counted(outcomes.length, 'check')}${but}.`);
  else if (incomplete) output.say(`\n${sayIncomplete(outcomes)}`);
  else output.say(`\nNOT VERIFIED: ${code} at ${printableLine(path ?? 'the tree')}.`);
  return first === undefined;
}

/** What there is of a run without a record is never verified; whether its parts hold is said beside. */
function sayIncomplete(outcomes: readonly CheckOutcome[]): string {
  const failed = outcomes.filter(({ status }) => status === 'failed').length - 1;
  const parts = failed === 0 ? 'What could be checked of it holds.' : `${counted(failed, 'more check')} failed.`;
  return `INCOMPLETE, not verified: the run was not finalised, and this is no record. ${parts}`;
}
