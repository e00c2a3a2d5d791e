import type { EscalationReport, ExecutorReport } from '../contracts/escalation.js';
import type { Finding } from '../contracts/findings.js';
import type { EscalationTrigger, GateId } from '../contracts/names.js';
import { countedByRules } from '../contracts/sentences.js';
import { patchRuleEscalates } from './judge-change.js';
import { INDEPENDENCE_RULE } from './judge-independence.js';
import { INVENTORY_RULE } from './judge-inventory.js';
import { SESSION_RULE } from './judge-sessions.js';
import { USE_RULE } from './judge-use.js';
import { clipText, type JudgedFinding } from './judged-output.js';

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

const OPTIONS = [
  'retry: do the gate again, with guidance',
  'rework: go back to an earlier gate',
  'continue: waive what the policy calls waivable',
  'abort: end the run',
];

/** One report over every finding that escalates, or null when none does. */
export function findingsEscalation(
  gate: GateId,
  attempt: number,
  findings: readonly JudgedFinding[],
  rulesVersion: number,
): EscalationReport | null {
  const raising = findings.filter(({ escalates }) => escalates !== undefined);
  const trigger = TRIGGER_ORDER.find((candidate) => raising.some(({ escalates }) => escalates === candidate));
  if (trigger === undefined) return null;
  const rules = [...new Set(raising.map(({ rule }) => rule))];
  const ofRepository = rulesVersion >= 2 && rules.every((rule) => rule === 'repository_changed');
  const { impact, advice } = ofRepository ? REPOSITORY_CHANGED : ADVICE[trigger];
  return {
    trigger,
    issue: clipText(raising.map(({ rule, message }) => `${rule}: ${message}`).join('\n'), TEXT_LIMIT),
    impact,
    context: `${gate}, attempt ${attempt}: ${countedByRules(rulesVersion, raising.length, 'finding')} ${raising.length === 1 && rulesVersion >= 2 ? 'escalates' : 'escalate'} (${rules.join(', ')}).`,
    options: OPTIONS,
    recommendation: advice,
    security_sensitive: rules.some((rule) => rule === 'secrets' || rule === 'secret_candidates' || rule === 'paths'),
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
  INVENTORY_RULE,
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
