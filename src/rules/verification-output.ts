import type { VerificationOutput } from '../contracts/gate-outputs.js';
import type { Criterion } from '../contracts/run-request.js';
import { blockingFinding, type JudgedFinding, roleFinding } from './judged-output.js';

/**
 * P06: the verifier's judgement beside the engine's own. Its "pass" adds nothing and takes nothing away; its "fail",
 * a criterion that it calls unmet and a criterion that it says nothing of all block.
 */
export function judgeVerification(
  criteria: readonly Criterion[],
  output: VerificationOutput,
): readonly JudgedFinding[] {
  const findings = output.findings.map((finding) => roleFinding('verifier', finding));
  for (const { id, text } of criteria) {
    const entries = output.criteria.filter((entry) => entry.id === id);
    if (entries.length === 0) {
      findings.push(blockingFinding('verifier', `The verifier says nothing of criterion ${id}: "${text}".`));
    }
    for (const { evidence } of entries.filter(({ met }) => !met)) {
      findings.push(blockingFinding('verifier', `Criterion ${id} is not met: ${evidence}`));
    }
  }
  if (output.verdict === 'fail') {
    findings.push(blockingFinding('verifier', `The verifier's verdict is fail: ${output.summary}`));
  }
  return findings;
}
