import type { EscalationTrigger, GateId } from '../contracts/names.js';
import type { EscalationReport, ExecutorReport } from '../contracts/run/escalation.js';
import type { Finding } from '../contracts/run/findings.js';
import { countedByRules } from '../contracts/sentences.js';
import { BASE_MOVED_RULE } from './attempts/judge-base-moved.js';
import { INDEPENDENCE_RULE } from './attempts/judge-independence.js';
import { INPUT_RULE } from './attempts/judge-inputs.js';
import { INVENTORY_RULE } from './attempts/judge-inventory.js';
import { SESSION_RULE } from './attempts/judge-sessions.js';
import { USE_RULE } from './attempts/judge-use.js';
import { patchRuleEscalates } from './judge-change.js';
import { clipText, type JudgedFinding } from './outputs/judged-output.js';
import { canBeWaivedThrough } from './waivable.js';

const TEXT_LIMIT = 4_000;

/** From what stops a run hardest; the report of several takes the first. */
const TRIGGER_ORDER = ['rule_violation', 'critical_finding', 'open_question'] as const satisfies EscalationTrigger[];

const ADVICE: Readonly<Record<(typeof TRIGGER_ORDER)[number], { readonly impact: string; readonly advice: string }>> = {
  rule_violation: {
    impact: 'The output broke a rule that the policy does not leave to the executor.',
    advice: 'Retry the gate with guidance that names the rule, or abort when it looks deliberate.',
  },
  critical_finding: {
    impact: 'The change would go on with a finding that its auditor calls critical.',
    advice: 'Rework the change with the finding as guidance.',
  },
  open_question: {
    impact: 'The writer would have to guess.',
    advice: 'Answer each question in the guidance and retry the gate.',
  },
};

/** Where every finding that escalates is of that rule: the change may be the person's own. Since version 2. */
const REPOSITORY_CHANGED = {
  impact:
    'A program without a sandbox may have changed what git runs, reads or trusts in the repository, outside of its checkout.',
  advice:
    'Look at what changed in the clone. If you or a tool of yours changed it, continue, with that as the reason. If not, undo the change and abort.',
};

/** Where every finding that escalates is of that rule. */
const BASE_MOVED = {
  impact: 'What was verified is the patch on the base commit; merged, it meets files that have changed since.',
  advice:
    'Look at what came in. Continue if the change holds beside it; promptos apply refuses where the same files changed. Else abort, and start a run from the new commit.',
};

const WAIVE = 'continue: waive what the policy calls waivable';
const OPTIONS = [
  'retry: do the gate again, with guidance',
  'rework: go back to an earlier gate',
  WAIVE,
  'abort: end the run',
];

/** From version 3 on a report offers to waive only where a waiver can let the attempt pass. */
const optionsFor = (findings: readonly JudgedFinding[], { rulesVersion, waivable }: EscalationRules): string[] =>
  rulesVersion < 3 || canBeWaivedThrough(findings, waivable, rulesVersion)
    ? OPTIONS
    : OPTIONS.filter((option) => option !== WAIVE);

/** What a report depends on beside the findings. */
export interface EscalationRules {
  readonly rulesVersion: number;
  /** The rules that the policy calls waivable. */
  readonly waivable: readonly string[];
}

/** One report over every finding that escalates, or null when none does. */
export function findingsEscalation(
  gate: GateId,
  attempt: number,
  findings: readonly JudgedFinding[],
  rules: EscalationRules,
): EscalationReport | null {
  const { rulesVersion } = rules;
  const raising = findings.filter(({ escalates }) => escalates !== undefined);
  const trigger = TRIGGER_ORDER.find((candidate) => raising.some(({ escalates }) => escalates === candidate));
  if (trigger === undefined) return null;
  const broken = [...new Set(raising.map(({ rule }) => rule))];
  const ofRepository = rulesVersion >= 2 && broken.every((rule) => rule === 'repository_changed');
  const ofBase = broken.every((rule) => rule === BASE_MOVED_RULE);
  const { impact, advice } = ofRepository ? REPOSITORY_CHANGED : ofBase ? BASE_MOVED : ADVICE[trigger];
  return {
    trigger,
    issue: clipText(raising.map(({ rule, message }) => `${rule}: ${message}`).join('\n'), TEXT_LIMIT),
    impact,
    context: `${gate}, attempt ${attempt}: ${countedByRules(rulesVersion, raising.length, 'finding')} ${raising.length === 1 && rulesVersion >= 2 ? 'escalates' : 'escalate'} (${broken.join(', ')}).`,
    options: optionsFor(findings, rules),
    recommendation: advice,
    security_sensitive: broken.some((rule) => rule === 'secrets' || rule === 'secret_candidates' || rule === 'paths'),
  };
}

/** An executor's own report as the ledger has it, with what the engine itself would have raised beside it. */
export const executorEscalation = (report: ExecutorReport, raised: EscalationReport | null): EscalationReport => ({
  ...report,
  trigger: 'executor',
  issue: clipText(raised === null ? report.issue : `${report.issue}\n${raised.issue}`, TEXT_LIMIT),
  security_sensitive: report.security_sensitive || raised?.security_sensitive === true,
});

/** Gives each finding an id that is unique within its attempt, such as `scope-1`. */
export function numberFindings(findings: readonly JudgedFinding[]): readonly Finding[] {
  const counts = new Map<string, number>();
  return findings.map(({ escalates: _, ...finding }) => {
    const number = (counts.get(finding.rule) ?? 0) + 1;
    counts.set(finding.rule, number);
    return { id: `${finding.rule}-${number}`, ...finding };
  });
}

/** Rules beside those over patches whose blocking findings each raise a P08. */
const ESCALATING_RULES: readonly string[] = [
  'repository_changed',
  INPUT_RULE,
  BASE_MOVED_RULE,
  INVENTORY_RULE,
  INPUT_RULE,
  USE_RULE,
  INDEPENDENCE_RULE,
  SESSION_RULE,
];

/** The P08 that a recorded finding raised: records keep the findings, and what they raise follows from their rules. */
export function escalationOf({ rule, blocking, severity }: Finding): EscalationTrigger | undefined {
  if (!blocking) return undefined;
  if (ESCALATING_RULES.includes(rule) || patchRuleEscalates(rule)) return 'rule_violation';
  if (rule === 'open_questions') return 'open_question';
  return (rule === 'review' || rule === 'verifier') && severity === 'critical' ? 'critical_finding' : undefined;
}
