import type { PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';

/** `git apply --check` takes the patch on the base commit. */
export const appliesRule: PatchRule = {
  title: 'The patch applies to the base commit',
  escalates: false,
  judge: ({ applies }) =>
    applies.ok
      ? []
      : [
          {
            severity: 'high',
            blocking: true,
            message: `The patch does not apply to the base commit: ${printable(applies.reason, 1_500)}`,
          },
        ],
};
