import { resolve } from 'node:path';
import { type PolicyFile, readPolicy } from '../../config/policy-file.js';
import type { CommandContext } from '../context.js';

/** For the option `--policy`, which may stand several times. */
export const collectPaths = (path: string, before: readonly string[] = []): readonly string[] => [...before, path];

/** The policies that an audit was handed: what it trusts beside the store. Says loudly when there is none. */
export async function readTrustedPolicies(
  context: CommandContext,
  paths: readonly string[] = [],
): Promise<readonly PolicyFile[]> {
  const policies: PolicyFile[] = [];
  for (const path of paths) policies.push(await readPolicy(resolve(context.cwd, path)));
  if (policies.length === 0) {
    context.output().note('NOTE: no --policy was given, so the published trees vouch for themselves.');
  }
  return policies;
}
