import { linkTargets } from './link-targets.js';
import { type PatchRule, touchedPaths } from './patch-rule.js';
import { linkTargetProblems, pathProblems, printable } from './path-names.js';

/** No path leaves the tree or reaches a `.git`, on any file system, and no symbolic link leads there. */
export const pathsRule: PatchRule = {
  title: 'No path leaves the tree or reaches into .git',
  escalates: true,
  judge: ({ patch }) => [
    ...patch.files.flatMap((file) =>
      touchedPaths(file).flatMap((path) =>
        pathProblems(path).map((problem) => ({
          severity: 'critical' as const,
          blocking: true,
          message: `The path "${printable(path)}" ${problem}.`,
          path,
        })),
      ),
    ),
    ...linkTargets(patch).flatMap(({ file: { path }, target }) =>
      (target === null ? ['points where the patch does not show'] : linkTargetProblems(path, target)).map(
        (problem) => ({
          severity: 'critical' as const,
          blocking: true,
          message: `The symbolic link "${printable(path)}" ${problem}${target === null ? '' : `: "${printable(target)}"`}.`,
          path,
        }),
      ),
    ),
  ],
};
