import { linkTargets } from './link-targets.js';
import type { PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';

/** Symbolic links are told, so that a person looks at where they lead; those that leave the tree belong to `paths`. */
export const linksRule: PatchRule = {
  title: 'Symbolic links are looked at',
  escalates: false,
  judge: ({ patch }) =>
    linkTargets(patch).map(({ file: { path }, target }) => ({
      severity: 'medium',
      blocking: false,
      message: `${printable(path)} is a symbolic link${target === null ? '' : ` to "${printable(target)}"`}.`,
      path,
    })),
};
