import type { PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';

/** What is committed is clean in a normal checkout: the bytes of every file are what its attributes make of them. */
export const attributesRule: PatchRule = {
  title: 'Files have the bytes that their attributes give them',
  escalates: false,
  judge: ({ patch }) =>
    (patch.unclean ?? []).map(({ path, reason }) => ({
      severity: 'high',
      blocking: true,
      message: `${printable(path)} would not be clean once it is committed: ${printable(reason)}.`,
      path,
    })),
};
