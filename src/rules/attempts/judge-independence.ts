import { own } from '../../contracts/json.js';
import type { GateId } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { ComparedModel, Comparison, IndependenceRules } from '../../contracts/run/independence.js';
import { blockingFinding, type JudgedFinding, plainFinding } from '../outputs/judged-output.js';
import { printable } from '../paths/path-names.js';
import { modelOrigin } from './model-origin.js';

/** The rule that who judges is another model than who is judged. */
export const INDEPENDENCE_RULE = 'model_independence';

/** Gates that judge the work of others. */
const JUDGING_GATES: readonly GateId[] = ['P06', 'P07'];

type Served = Pick<AttemptRecord, 'gate' | 'role' | 'principal' | 'executor' | 'tries'>;

/** The model that gave the answer which counts. Older tries do not name it, so there the executor's last one serves. */
function servedModel({ executor, tries }: Served): string | null {
  const last = tries.at(-1);
  return last?.served_model === undefined ? executor.served_model : last.served_model;
}

function comparedModel(attempt: Served, principals: Policy['principals']): ComparedModel {
  const { gate, role, principal } = attempt;
  const isPerson = own(principals, principal)?.kind === 'human';
  const model = isPerson ? null : servedModel(attempt);
  const { vendors, families } = model === null ? { vendors: [], families: [] } : modelOrigin(model);
  return {
    ...{ gate, role, principal, model, vendors: [...vendors], families: [...families] },
    ...(isPerson ? { person: true } : {}),
  };
}

const share = (one: readonly string[], other: readonly string[]): boolean => one.some((name) => other.includes(name));

function verdictOf(one: ComparedModel, other: ComparedModel, by: IndependenceRules['by']): Comparison['verdict'] {
  // A person is no model, and no principal has two roles.
  if (one.person === true || other.person === true) return 'independent';
  if (one.vendors.length === 0 || other.vendors.length === 0) return 'unknown';
  if (!share(one.vendors, other.vendors)) return 'independent';
  if (by === 'vendor') return 'same';
  if (one.families.length === 0 || other.families.length === 0) return 'unknown';
  return share(one.families, other.families) ? 'same' : 'independent';
}

/**
 * Who is judged by an attempt of P06 or P07, and whether with another model: each role and model before it once.
 * @param earlier attempts that it was given, in the order of the gates
 */
export function compareModels(
  { independence, principals }: Pick<Policy, 'independence' | 'principals'>,
  attempt: Served,
  earlier: readonly Served[],
): readonly Comparison[] {
  if (independence === undefined || !JUDGING_GATES.includes(attempt.gate)) return [];
  const judge = comparedModel(attempt, principals);
  const others = earlier.filter(({ role }) => role !== attempt.role).map((other) => comparedModel(other, principals));
  // Of several gates of one role and model the last is named.
  const once = [...new Map(others.map((other) => [`${other.role} ${other.model}`, other])).values()];
  return once.map((judged) => ({ judge, judged, verdict: verdictOf(judge, judged, independence.by) }));
}

/** What is wrong with the comparisons of one attempt. */
export function judgeIndependence(
  independence: IndependenceRules | undefined,
  comparisons: readonly Comparison[],
): readonly JudgedFinding[] {
  if (independence === undefined || independence.models === 'off') return [];
  return comparisons.flatMap(({ judge, judged, verdict }) => {
    if (verdict === 'independent') return [];
    const what =
      verdict === 'same'
        ? `are of one ${independence.by}`
        : `cannot be compared: the ${independence.by} of one is unknown`;
    const message = `The models of ${judge.role} (${named(judge)}) and ${judged.role} (${named(judged)}) ${what}.`;
    return [
      independence.models === 'require'
        ? blockingFinding(INDEPENDENCE_RULE, message, { severity: 'critical', escalates: 'rule_violation' })
        : plainFinding(INDEPENDENCE_RULE, 'medium', message),
    ];
  });
}

const named = ({ gate, model, vendors }: ComparedModel): string =>
  `${gate}: ${model === null ? 'unknown' : printable(model)}${vendors.length === 0 ? '' : `, of ${vendors.join(' and ')}`}`;
