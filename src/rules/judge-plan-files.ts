import type { RuleFinding } from '../contracts/run/findings.js';
import { type JudgedPatch, plannedPaths, remark, touchedPaths } from './patch/patch-rule.js';
import { printable } from './paths/path-names.js';

/**
 * The other direction of the rule `plan`: the patch touches every file that the plan names. The plan may have named a file
 * to be careful, so this does not block; a component of which nothing was built is one that was agreed on and is missing.
 */
export function judgePlanFiles({ patch, components }: JudgedPatch): readonly RuleFinding[] {
  // Said by the rule on empty patches.
  if (patch.files.length === 0) return [];
  const touched = new Set(patch.files.flatMap(touchedPaths));
  return components.flatMap(({ name, files }) => {
    const planned = [...plannedPaths(files)];
    const missing = planned.filter((path) => !touched.has(path));
    const none = missing.length === planned.length && missing.length > 0;
    const why = none ? ' The patch touches no file of this component.' : '';
    return missing.map((path) =>
      remark(
        none ? 'high' : 'medium',
        `The plan names ${printable(path)} for the component "${printable(name, 120)}", and the patch does not touch it.${why}`,
        { path },
      ),
    );
  });
}
