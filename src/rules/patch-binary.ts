import type { PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';

/** Binary files are told: nobody can read them in a diff, and no rule looks into them. */
export const binaryRule: PatchRule = {
  title: 'Binary files are looked at',
  escalates: false,
  judge: ({ patch }) =>
    patch.files
      .filter(({ binary, status }) => binary && status !== 'deleted')
      .map(({ path }) => ({
        severity: 'medium',
        blocking: false,
        message: `${printable(path)} is binary: its content was not looked into.`,
        path,
      })),
};
