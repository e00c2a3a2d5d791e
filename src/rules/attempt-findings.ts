import type { Finding } from '../contracts/findings.js';
import type { EscalationTrigger } from '../contracts/names.js';
import { patchRuleEscalates } from './judge-change.js';
import type { JudgedFinding } from './judged-output.js';

/** Gives each finding an id that is unique within its attempt, such as `scope-1`. */
export function numberFindings(findings: readonly JudgedFinding[]): readonly Finding[] {
  const counts = new Map<string, number>();
  return findings.map(({ escalates: _, ...finding }) => {
    const number = (counts.get(finding.rule) ?? 0) + 1;
    counts.set(finding.rule, number);
    return { id: `${finding.rule}-${number}`, ...finding };
  });
}

/** The P08 that a recorded finding raised: records keep the findings, and what they raise follows from their rules. */
export function escalationOf({ rule, blocking, severity }: Finding): EscalationTrigger | undefined {
  if (!blocking) return undefined;
  if (rule === 'repository_changed' || patchRuleEscalates(rule)) return 'rule_violation';
  if (rule === 'open_questions') return 'open_question';
  return (rule === 'review' || rule === 'verifier') && severity === 'critical' ? 'critical_finding' : undefined;
}
