import { type AuditRepository, findCommit } from './audit-repository.js';
import { parentOf, sameTrees, treeWithPatch } from './change.js';
import { mergeTrees } from './merge-trees.js';
import type { AuditedRun } from './run-catalogue.js';

/** Commits of a scratch repository that nothing but a merge looks at. */
const ANYBODY = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'promptos'],
    [`GIT_${who}_EMAIL`, 'promptos@localhost'],
    [`GIT_${who}_DATE`, '2000-01-01T00:00:00Z'],
  ]),
);

/**
 * Whether a commit's files are what git makes of a run's change on top of the commit's parent, as a rebase or a
 * cherry-pick would. A patch id ignores where lines are, so that the same lines in another function have the same one.
 * Without the run's base commit, the patch is applied to the parent instead.
 * @param without paths that are set aside
 */
export async function isCarriedOver(
  repository: AuditRepository,
  { commit, without }: { readonly commit: string; readonly without: readonly string[] },
  { record, patch }: AuditedRun,
): Promise<boolean> {
  if (patch === null) return false;
  const parent = await parentOf(repository, commit);
  const base = await findCommit(repository, record.base_commit);
  return repository.withScratch(async (scratch) => {
    const env = { ...scratch, ...ANYBODY };
    const expected =
      base === null
        ? await treeWithPatch(repository, parent, patch, env)
        : await rebased(repository, { base, parent, patch }, env);
    return expected !== null && (await sameTrees(repository, expected, commit, { without, env }));
  });
}

interface Rebase {
  readonly base: string;
  readonly parent: string;
  readonly patch: Uint8Array;
}

async function rebased(
  repository: AuditRepository,
  { base, parent, patch }: Rebase,
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  const result = await treeWithPatch(repository, base, patch, env);
  if (result === null) return null;
  const commitOf = async (tree: string, ...parents: readonly string[]): Promise<string> =>
    repository.text(['commit-tree', tree, ...parents.flatMap((id) => ['-p', id]), '-m', 'scratch'], { env });
  // The run's base as their common parent makes the merge a rebase of the one change.
  const common = await commitOf(`${base}^{tree}`);
  const merged = await mergeTrees(
    repository,
    await commitOf(`${parent}^{tree}`, common),
    await commitOf(result, common),
    env,
  );
  return merged === null || merged.conflicts.length > 0 ? null : merged.tree;
}
