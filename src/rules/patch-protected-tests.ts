import type { RuleFinding } from '../contracts/findings.js';
import type { PatchFile } from '../contracts/patch.js';
import { plannedPaths } from './patch-plan.js';
import type { PatchRule } from './patch-rule.js';
import type { GlobMatcher } from './path-globs.js';
import { printable } from './path-names.js';
import { createGlobMatcher } from './scope-matching.js';

/** The path of the file as it was before the patch; null for one that the patch adds. A copy leaves its source alone. */
const existingPath = ({ status, path, old_path }: PatchFile): string | null =>
  status === 'added' || status === 'copied' ? null : (old_path ?? path);

const DEEDS: Readonly<Record<PatchFile['status'], string>> = {
  added: 'adds',
  copied: 'adds',
  modified: 'changes',
  type_changed: 'replaces',
  deleted: 'deletes',
  renamed: 'renames',
};

/** Why a path is protected, for a person; null when it is not. A glob that cannot be judged protects all. */
function protectionOf(path: string, { match, unreadable }: GlobMatcher): string | null {
  const glob = match(path) ?? unreadable[0]?.glob;
  return glob === undefined ? null : `it existed before and matches "${printable(glob)}"`;
}

/**
 * Tests that existed before are no writer's to bend: new ones may be added; to change, rename or delete one takes the
 * plan, and then still whoever approves has to acknowledge it. Without a plan to name it, it fails and escalates.
 */
export const protectedTestsRule: PatchRule = {
  title: 'Existing tests are changed only with the plan and an acknowledgement',
  escalates: true,
  judge: ({ patch, protected_tests, planned_files, rules_version }) => {
    if (protected_tests.length === 0) return [];
    const matcher = createGlobMatcher(protected_tests, true, rules_version);
    const planned = plannedPaths(planned_files ?? []);
    return patch.files.flatMap((file): readonly RuleFinding[] => {
      const path = existingPath(file);
      const protection = path === null ? null : protectionOf(path, matcher);
      if (path === null || protection === null) return [];
      const blocking = !planned.has(path);
      const consequence = blocking
        ? 'The plan does not name it.'
        : 'The plan names it; whoever approves acknowledges that this test may say less than before.';
      const message = `The patch ${DEEDS[file.status]} ${printable(path)}: ${protection}. ${consequence}`;
      return [{ severity: 'high', blocking, message, path }];
    });
  },
};
