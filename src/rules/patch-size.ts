import type { RuleFinding } from '../contracts/findings.js';
import type { PatchRule } from './patch-rule.js';

/** The patch stays within the policy's limits. */
export const sizeRule: PatchRule = {
  title: "The patch is within the policy's limits",
  escalates: true,
  judge: ({ patch, limits }) => {
    const over = (what: string, limit: number, actual: number): readonly RuleFinding[] =>
      actual <= limit
        ? []
        : [
            {
              severity: 'high',
              blocking: true,
              message: `The patch has ${actual} ${what}; the policy allows ${limit}.`,
            },
          ];
    return [
      ...over('bytes', limits.patch_bytes, patch.bytes.length),
      ...over('files', limits.patch_files, patch.files.length),
    ];
  },
};
