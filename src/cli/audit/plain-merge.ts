import type { AuditRepository } from './audit-repository.js';
import { changeBetween, sameTrees } from './change.js';
import type { CommitFacts } from './commit-facts.js';
import { mergeTrees } from './merge-trees.js';
import type { AuditedRun } from './run-catalogue.js';
import { sessionFilesOf, sessionPaths } from './session-files.js';

export interface PlainMergeOptions {
  readonly runs: () => Promise<readonly AuditedRun[]>;
  readonly artifactsDir: string;
}

/**
 * Whether a merge holds what git makes of its two parents, and nothing else. The exported session is one file for all
 * runs, so two branches conflict in it: it may be resolved to the session of a published run.
 * @returns the runs whose session resolves a conflict, or null for a merge with an edit of its own. Git before 2.38
 * cannot tell, so that every merge has one.
 */
export async function plainMerge(
  repository: AuditRepository,
  { commit, parents }: CommitFacts,
  { runs, artifactsDir }: PlainMergeOptions,
): Promise<readonly AuditedRun[] | null> {
  const [one, other, ...more] = parents;
  if (one === undefined || other === undefined || more.length > 0) return null;
  return repository.withScratch(async (env) => {
    const merged = await mergeTrees(repository, one, other, env);
    if (merged === null) return null;
    const { tree, conflicts } = merged;
    const sessions = sessionPaths(artifactsDir);
    if (!conflicts.every((path) => sessions.includes(path))) return null;
    if (!(await sameTrees(repository, tree, commit, { without: conflicts, env }))) return null;
    if (conflicts.length === 0) return [];
    const files = (await changeBetween(repository, tree, commit, { env })).files ?? [];
    const resolved = await sessionFilesOf(repository, { commit, files }, runs, artifactsDir);
    return conflicts.every((path) => resolved.some((file) => file.path === path))
      ? [...new Set(resolved.map(({ run }) => run))]
      : null;
  });
}
