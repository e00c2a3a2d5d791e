import type { RuleFinding } from '../../contracts/run/findings.js';
import { LINK_MODE } from '../patch/patch-lines.js';
import { type JudgedPatch, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';

const OURS = /^<{7} \S/;
const THEIRS = /^>{7} \S/;
/** A line of "=" alone is a heading too. */
const MIDDLE = /^(?:={7}|\|{7}(?: .*)?)\r?$/;

/** No file is left half merged: the markers that git writes around both sides. From version 2 of the rules on. */
export function judgeConflictMarkers({ patch, rules_version }: JudgedPatch): readonly RuleFinding[] {
  if (rules_version < 2) return [];
  const links = new Set(patch.files.filter(({ new_mode }) => new_mode === LINK_MODE).map(({ path }) => path));
  const middles = new Set(patch.added_lines.filter(({ text }) => MIDDLE.test(text)).map(({ path }) => path));
  const first = new Map<string, number>();
  for (const { path, line, text } of patch.added_lines) {
    const isMarker = OURS.test(text) || (THEIRS.test(text) && middles.has(path));
    if (isMarker && !links.has(path) && !first.has(path)) first.set(path, line);
  }
  return [...first].map(([path, line]) =>
    violation('high', `Line ${line} of ${printable(path)} is a conflict marker of a merge.`, { path, line }),
  );
}
