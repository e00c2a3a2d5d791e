import { type PatchRule, touchedPaths } from './patch-rule.js';
import { printable } from './path-names.js';

const GITLINK_MODE = '160000';

/** A patch neither adds, moves nor removes a submodule, nor says where submodules come from. */
export const submodulesRule: PatchRule = {
  title: 'No submodule is touched',
  escalates: true,
  judge: ({ patch }) =>
    patch.files.flatMap((file) => {
      const { path, old_mode, new_mode } = file;
      const gitlink = old_mode === GITLINK_MODE || new_mode === GITLINK_MODE;
      if (!gitlink && !touchedPaths(file).some((touched) => touched.toLowerCase() === '.gitmodules')) return [];
      const message = gitlink
        ? `${printable(path)} is a submodule or a nested repository: a run cannot vouch for what is in it.`
        : `${printable(path)} says where submodules come from.`;
      return [{ severity: 'critical' as const, blocking: true, message, path }];
    }),
};
