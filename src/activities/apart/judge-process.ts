import { serveApart } from '../../adapters/platform/serve-apart.js';
import { readChange } from '../../rules/patch/added-lines.js';
import type { JudgeAnswer, JudgeOrder } from './judge-change-apart.js';
import { judgeSeen } from './judge-seen.js';

/** The process of `judgeChangeApart`: judges the one change that it is given. */
serveApart(async ({ change, terms, secret_hits }: JudgeOrder, { whole, give }): Promise<JudgeAnswer> => {
  const patch = 'patch' in change ? change.patch : await readChange(change.parts, whole);
  const { masked, ...said } = judgeSeen({ patch, secret_hits, ...terms });
  if (masked !== null) await give(masked);
  return { ...said, is_masked: masked !== null };
});
