import type { RuleFinding } from '../contracts/findings.js';
import type { PatchFile } from '../contracts/patch.js';
import type { PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';

/** What git knows: no file, a file, an executable file, a symbolic link, a submodule (which has a rule of its own). */
const KNOWN_MODES = new Set(['000000', '100644', '100755', '120000', '160000']);

function judgeMode({ path, old_mode, new_mode }: PatchFile): readonly RuleFinding[] {
  if (!KNOWN_MODES.has(new_mode)) {
    return [{ severity: 'high', blocking: true, message: `${printable(path)} has the odd mode ${new_mode}.`, path }];
  }
  if (new_mode === '100755' && old_mode !== '100755') {
    return [{ severity: 'low', blocking: false, message: `${printable(path)} becomes executable.`, path }];
  }
  return [];
}

/** Odd file modes fail; files that become executable are told. */
export const modesRule: PatchRule = {
  title: 'File modes are ordinary',
  escalates: false,
  judge: ({ patch }) => patch.files.flatMap(judgeMode),
};
