import type { ContextOutput } from '../contracts/gate-outputs.js';
import type { RunRequest } from '../contracts/run-request.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';

/** P00: every constraint of the request is there once, word for word, and none was made up. */
export function judgeContext(request: RunRequest, output: ContextOutput): readonly JudgedFinding[] {
  const wanted = new Map(request.context.constraints.map(({ id, text }) => [id, text]));
  const findings: JudgedFinding[] = [];
  const seen = new Set<string>();
  for (const { id, text } of output.constraints) {
    const original = wanted.get(id);
    if (original === undefined) {
      findings.push(blockingFinding('context', `Constraint ${id} is not in the request.`));
    } else if (seen.has(id)) {
      findings.push(blockingFinding('context', `Constraint ${id} is restated more than once.`));
    } else if (text !== original) {
      findings.push(
        blockingFinding(
          'context',
          `Constraint ${id} is not word for word: expected "${original}", received "${text}".`,
        ),
      );
    }
    seen.add(id);
  }
  for (const [id, text] of wanted) {
    if (!seen.has(id)) findings.push(blockingFinding('context', `Constraint ${id} is lost: "${text}".`));
  }
  return findings;
}
