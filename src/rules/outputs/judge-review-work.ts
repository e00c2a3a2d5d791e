import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { blockingFinding, type JudgedFinding, plainFinding } from './judged-output.js';

/** The rule that a review looked at the change. */
export const REVIEW_WORK_RULE = 'review_work';

/** A text in place of one that says what was tried. */
const FILLER =
  /^(?:none|nothing|no|n\/?a|not applicable|null|nil|ok(?:ay)?|lgtm|looks good(?: to me)?|fine|pass(?:ed)?|todo|tbd|no attacks?|nothing (?:tried|found|to (?:report|attack)))?$/i;

const isFiller = (text: string): boolean => FILLER.test(text.replace(/[^\p{L}\p{N}/ ]/gu, '').trim());

/**
 * P07: no findings is a legal review, and a review that tried nothing is none. One that names no file of the patch is
 * reported: whoever approves sees that nothing shows what was read. Since version 3.
 * @param paths the files of the patch, both sides of a rename
 */
export function judgeReviewWork(
  output: GateOutputs['P07'],
  paths: readonly string[],
  rulesVersion: number,
): readonly JudgedFinding[] {
  if (rulesVersion < 3) return [];
  if (output.attacks.every(isFiller)) {
    return [blockingFinding(REVIEW_WORK_RULE, 'The review says nothing of what was tried to break the change.')];
  }
  const texts = [output.summary, ...output.attacks, ...output.findings.flatMap(({ title, detail }) => [title, detail])];
  const cited = new Set(output.findings.flatMap(({ path }) => path ?? []));
  const named = paths.some((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return cited.has(path) || texts.some((text) => text.includes(name));
  });
  return named || paths.length === 0
    ? []
    : [
        plainFinding(
          REVIEW_WORK_RULE,
          'medium',
          'The review names no file of the patch, so nothing shows what it read.',
        ),
      ];
}
