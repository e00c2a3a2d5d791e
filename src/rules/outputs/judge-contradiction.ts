import type { CheckResult, GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { CONTRADICTION_RULE } from '../../contracts/names.js';
import type { Criterion } from '../../contracts/run/run-request.js';
import { counted } from '../../contracts/sentences.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';

/**
 * P06: a verifier that passes a change whose checks did not pass. The failed check blocks by a rule of its own; this
 * names the verifier whose word cannot be relied on. Since version 3.
 */
export function judgeContradiction(
  criteria: readonly Criterion[],
  output: GateOutputs['P06'],
  results: readonly CheckResult[],
  rulesVersion: number,
): readonly JudgedFinding[] {
  if (rulesVersion < 3) return [];
  const failed = results.filter(({ status }) => status !== 'passed');
  const [first] = failed;
  if (first === undefined) return [];
  const seen = (check: CheckResult): string => `the engine saw that the check ${check.name} ${said(check)}`;
  const more = failed.length === 1 ? '' : `, and ${counted(failed.length - 1, 'other check')} did not pass`;
  const met = new Set(output.criteria.flatMap((entry) => (entry.met ? [entry.id] : [])));
  return [
    ...(output.verdict === 'pass'
      ? [blockingFinding(CONTRADICTION_RULE, `The verifier's verdict is pass; ${seen(first)}${more}.`)]
      : []),
    ...criteria.flatMap(({ id, check }) => {
      const result = failed.find(({ name }) => name === check);
      if (result === undefined || !met.has(id)) return [];
      return [blockingFinding(CONTRADICTION_RULE, `The verifier says that criterion ${id} is met; ${seen(result)}.`)];
    }),
  ];
}

const said = ({ status }: CheckResult): string =>
  status === 'not_started' ? 'was not started' : status.replace('_', ' ');
