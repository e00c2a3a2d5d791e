import type { RuleFinding } from '../../contracts/run/findings.js';
import { isCode } from '../checks/test-files.js';
import { LINK_MODE } from '../patch/patch-lines.js';
import { type JudgedPatch, remark, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { injectionIn, injectionOver } from './injection-markers.js';

/** Remarks of one kind in one file that are listed. */
const LISTED = 3;

/** No added line tries to instruct the agents that judge the change, or those that read the code later. */
export function judgeInjection({ patch }: JudgedPatch): readonly RuleFinding[] {
  const links = new Set(patch.files.filter(({ new_mode }) => new_mode === LINK_MODE).map(({ path }) => path));
  const listed = new Map<string, number>();
  return patch.added_lines.flatMap(({ path, line, text }, index) => {
    const before = patch.added_lines[index - 1];
    const isNext = before?.path === path && before.line === line - 1;
    const marker = links.has(path) ? null : (injectionIn(text) ?? (isNext ? injectionOver(before.text, text) : null));
    if (marker === null || (marker.severity === 'low' && isCode(path))) return [];
    const message = `Line ${line} of ${printable(path)} ${marker.what}: ${quotedLine(text)}`;
    if (marker.certain) return [violation(marker.severity, message, { path, line })];
    const key = `${marker.what} ${path}`;
    const count = (listed.get(key) ?? 0) + 1;
    listed.set(key, count);
    return count > LISTED ? [] : [remark(marker.severity, message, { path, line })];
  });
}
