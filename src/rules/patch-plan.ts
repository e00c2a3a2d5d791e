import { type PatchRule, touchedPaths } from './patch-rule.js';
import { printable } from './path-names.js';

const plain = (path: string): string => path.replace(/^(?:\.\/)+/, '');

/** The files that a plan names, as paths that compare. */
export const plannedPaths = (files: readonly string[]): ReadonlySet<string> => new Set(files.map(plain));

/** Every path that the patch touches is named by the plan. */
export const planRule: PatchRule = {
  title: 'Only files of the plan are touched',
  escalates: true,
  judge: ({ patch, planned_files }) => {
    if (planned_files === null) return [];
    const planned = plannedPaths(planned_files);
    return patch.files.flatMap((file) =>
      touchedPaths(file)
        .filter((path) => !planned.has(path))
        .map((path) => ({
          severity: 'high' as const,
          blocking: true,
          message: `${printable(path)} is not among the files that the plan names.`,
          path,
        })),
    );
  },
};
