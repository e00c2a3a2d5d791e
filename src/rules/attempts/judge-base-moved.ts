import type { BaseMove } from '../../contracts/record/patch.js';
import { counted } from '../../contracts/sentences.js';
import { blockingFinding, type JudgedFinding } from '../outputs/judged-output.js';
import { printable } from '../paths/path-names.js';

/** The rule that the branch of the base commit has not moved on in files of the scope. */
export const BASE_MOVED_RULE = 'base_moved';

/** Files that a message names before it counts the rest. */
const NAMED = 10;

/** P06: what was verified is base plus patch. Where the branch has moved on in scope, the merge is something else. */
export function judgeBaseMoved(base: BaseMove | undefined): readonly JudgedFinding[] {
  if (base === undefined || base.branch === null || base.tip === null || base.files.length === 0) return [];
  const { branch, tip, files, more } = base;
  const rest = files.length - NAMED + more;
  const named = `${files
    .slice(0, NAMED)
    .map((path) => printable(path, 100))
    .join(', ')}${rest > 0 ? ` and ${counted(rest, 'more file')}` : ''}`;
  const message = `The branch ${printable(branch, 200)} has moved on to ${tip.slice(0, 12)} in files of the scope: ${named}.`;
  return [blockingFinding(BASE_MOVED_RULE, message, { escalates: 'rule_violation' })];
}
