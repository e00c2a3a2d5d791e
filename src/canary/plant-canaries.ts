import { GATE_IDS, type GateId, type Verdict } from '../contracts/names.js';
import type { Policy } from '../contracts/policy/policy.js';
import type { Finding } from '../contracts/run/findings.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import type { Canary, CanaryEffect } from './canary.js';
import type { CanaryRuns, CanaryScript, GateEnd } from './canary-run.js';
import { HONEST_EDITS, HONEST_OUTPUTS, HONEST_REQUEST } from './project.js';

/** What came of a canary. */
export interface CanaryOutcome {
  readonly name: string;
  readonly class: string;
  readonly violation: string;
  readonly expected: {
    readonly gate: GateId;
    readonly rule: string | null;
    readonly effect: CanaryEffect;
    readonly escalates: boolean;
  };
  readonly status: 'caught' | 'not_caught' | 'skipped';
  /** Why it was not planted or does not count as caught; null for one that was caught. */
  readonly reason: string | null;
  /** The gate at which its run ended; null for one that was not planted. */
  readonly gate: GateId | null;
  readonly verdict: Verdict | null;
  readonly escalates: boolean;
  /** The rules that found something in that gate. */
  readonly rules: readonly string[];
}

/** What came of the honest change, in which nothing may be found. */
export interface ControlOutcome {
  readonly passed: boolean;
  readonly gate: GateId;
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly rules: readonly string[];
}

/** Gates before the change; their attempts serve all canaries that are in the change alone. */
const BEFORE_CHANGE: readonly GateId[] = ['P00', 'P01', 'P03'];

const HONEST: CanaryScript = { request: HONEST_REQUEST, outputs: HONEST_OUTPUTS, edits: HONEST_EDITS };

const rulesOf = (findings: readonly Finding[]): readonly string[] => [...new Set(findings.map(({ rule }) => rule))];
const isSevere = ({ severity }: Finding): boolean => severity === 'critical' || severity === 'high';

const EFFECTS: Readonly<Record<Exclude<CanaryEffect, 'refused'>, (finding: Finding) => boolean>> = {
  blocks: ({ blocking }) => blocking,
  acknowledged: isSevere,
  reported: () => true,
};

const WEAKER: Readonly<Record<keyof typeof EFFECTS, string>> = {
  blocks: 'the finding does not block',
  acknowledged: 'no approver has to acknowledge the finding',
  reported: 'the finding is not reported',
};

/** Why a canary does not count as caught; null when it does. */
function missed({ gate, rule, effect, escalates }: Canary, end: GateEnd): string | null {
  const { findings, verdict, escalation, reason } = end.result;
  if (end.gate !== gate) return `the run ended at ${end.gate} already (${reason ?? rulesOf(findings).join(', ')})`;
  if (effect === 'refused') return verdict === 'blocked' ? null : `${gate} took the answer`;
  const found = findings.filter((finding) => finding.rule === rule);
  if (found.length === 0) return `the rule ${rule} found nothing`;
  if (!found.some(EFFECTS[effect])) return `the rule ${rule} found it, and ${WEAKER[effect]}`;
  if (effect === 'blocks' && verdict === 'pass') return `${gate} passed`;
  return escalates && escalation === null ? 'no P08 was raised' : null;
}

function scriptFor({ edits = {}, idle, request, outputs }: Canary): CanaryScript {
  return {
    request: request?.(HONEST_REQUEST) ?? HONEST_REQUEST,
    outputs: {
      ...HONEST_OUTPUTS,
      ...(request === undefined ? {} : { P01: { ...HONEST_OUTPUTS.P01, scope: request(HONEST_REQUEST).scope } }),
      ...outputs?.(HONEST_OUTPUTS),
    },
    edits: idle ? {} : { ...HONEST_EDITS, ...edits },
  };
}

/** The gates up to one, without those that were carried out before. */
const gatesTo = (gate: GateId, done: readonly GateId[] = []): readonly GateId[] =>
  GATE_IDS.slice(0, GATE_IDS.indexOf(gate) + 1).filter((one) => !done.includes(one));

/** Canaries that are planted at the same time: most of their time is spent waiting for git. */
const AT_ONCE = 4;

/**
 * Plants all canaries and gives their outcomes in the order of the canaries.
 * @param progress hears how many were planted
 */
export async function plantAll(
  planter: Planter,
  canaries: readonly Canary[],
  progress: (planted: number) => void,
): Promise<readonly CanaryOutcome[]> {
  const waiting = [...canaries.entries()];
  const outcomes: (readonly [number, CanaryOutcome])[] = [];
  const plantNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      outcomes.push([next[0], await planter.plant(next[1])]);
      progress(outcomes.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, plantNext));
  return outcomes.sort(([one], [other]) => one - other).map(([, outcome]) => outcome);
}

export interface Planter {
  control(): Promise<ControlOutcome>;
  plant(canary: Canary): Promise<CanaryOutcome>;
}

/** Plants canaries, each into a run or an attempt of its own. */
export async function createPlanter(runs: CanaryRuns, policy: Policy): Promise<Planter> {
  const run = await runs.start('canary', HONEST_REQUEST);
  let attempts = 0;
  let prefix: Promise<GateEnd> | undefined;

  /** The honest gates before the change are carried out once. */
  async function onHonestPlan(gate: GateId, script: CanaryScript): Promise<GateEnd> {
    prefix ??= runs.carryOut(run, 1, BEFORE_CHANGE, HONEST, {});
    const before = await prefix;
    if (before.result.verdict !== 'pass') return before;
    attempts += 1;
    return runs.carryOut(run, attempts, gatesTo(gate, BEFORE_CHANGE), script, before.inputs);
  }

  async function inOwnRun({ name, gate }: Canary, script: CanaryScript): Promise<GateEnd> {
    const own: GovernedRunInput = await runs.start(`canary-${name}`, script.request);
    return runs.carryOut(own, 1, gatesTo(gate), script, {});
  }

  return {
    control: async () => {
      const { gate, result } = await onHonestPlan('P07', HONEST);
      const { verdict, reason, findings } = result;
      return { passed: gate === 'P07' && verdict === 'pass', gate, verdict, reason, rules: rulesOf(findings) };
    },
    plant: async (canary) => {
      const { name, violation, gate, rule, effect, escalates } = canary;
      const about = { name, class: canary.class, violation, expected: { gate, rule, effect, escalates } };
      const unfit = canary.unfit?.(policy) ?? null;
      if (unfit !== null) {
        const none = { gate: null, verdict: null, escalates: false, rules: [] };
        return { ...about, status: 'skipped', reason: unfit, ...none };
      }
      const script = scriptFor(canary);
      const early =
        canary.request !== undefined ||
        BEFORE_CHANGE.some((one) => script.outputs[one] !== HONEST_OUTPUTS[one as 'P00']);
      const end = await (early ? inOwnRun(canary, script) : onHonestPlan(gate, script));
      const reason = missed(canary, end);
      return {
        ...about,
        status: reason === null ? 'caught' : 'not_caught',
        reason,
        gate: end.gate,
        verdict: end.result.verdict,
        escalates: end.result.escalation !== null,
        rules: rulesOf(end.result.findings),
      };
    },
  };
}
