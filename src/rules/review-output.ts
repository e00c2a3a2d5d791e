import type { ReviewOutput } from '../contracts/gate-outputs.js';
import { blockingFinding, type JudgedFinding, roleFinding } from './judged-output.js';

/** P07: the reviewer's findings, with at least one that blocks when the verdict is "fail". None at all is legal. */
export function judgeReview(output: ReviewOutput): readonly JudgedFinding[] {
  const findings = output.findings.map((finding) => roleFinding('review', finding));
  if (output.verdict === 'fail' && !findings.some(({ blocking }) => blocking)) {
    findings.push(blockingFinding('review', `The reviewer's verdict is fail: ${output.summary}`));
  }
  return findings;
}
