import type { AuditRepository } from './audit-repository.js';

/** What git makes of two commits. */
export interface MergedTrees {
  /** The tree, with conflict markers in the files that conflict. */
  readonly tree: string;
  readonly conflicts: readonly string[];
}

/** The default behaviour of git and of GitHub, whatever the user's settings say. */
const DEFAULTS = ['merge.renames=true', 'merge.directoryRenames=conflict', 'merge.renormalize=false'];

/**
 * Merges two commits in a scratch repository, as `git merge` does by default.
 * @returns null when git cannot: it is older than 2.38, or the commits have no common history
 */
export async function mergeTrees(
  repository: AuditRepository,
  one: string,
  other: string,
  env: Readonly<Record<string, string>>,
): Promise<MergedTrees | null> {
  const settings = DEFAULTS.flatMap((setting) => ['-c', setting]);
  const merging = ['merge-tree', '--write-tree', '--no-messages', '--name-only', '-z', one, other];
  const { exitCode, stdout } = await repository.ask([...settings, ...merging], { env });
  if (exitCode !== 0 && exitCode !== 1) return null;
  const [tree = '', ...conflicts] = stdout.toString('utf8').split('\0').filter(Boolean);
  // Exit code 1 without a conflicting file is a conflict that git reports in words only.
  return exitCode === 1 && conflicts.length === 0 ? null : { tree, conflicts: [...new Set(conflicts)] };
}
