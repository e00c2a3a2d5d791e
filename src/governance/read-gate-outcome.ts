import type { GateOutcome } from '../contracts/activities.js';
import type { EscalationReport } from '../contracts/escalation.js';
import type { Finding } from '../contracts/findings.js';
import { FINGERPRINT_PATTERN, GATE_TRIGGERS, SEVERITIES, VERDICTS } from '../contracts/names.js';

/*
 * Reads what a gate's signed statement says of its result, by hand, since it runs in the workflow sandbox. Whoever holds
 * a role's key can sign anything, so every field is judged; what is not of the shape gives null.
 */

/** Findings that one statement may hold; the attempt's record has them all. */
const MAX_FINDINGS = 50;
const MAX_OPTIONS = 8;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, limit: number, least = 0): value is string =>
  typeof value === 'string' && value.length >= least && value.length <= limit;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isOneOf = (values: readonly string[], value: unknown): boolean => values.includes(value as string);
const hasOnly = (value: Record<string, unknown>, keys: readonly string[]): boolean =>
  Object.keys(value).every((key) => keys.includes(key));

const FINDING_KEYS = ['id', 'rule', 'severity', 'blocking', 'message', 'path', 'line', 'fingerprint'];

const isFinding = (value: unknown): value is Finding =>
  isObject(value) &&
  hasOnly(value, FINDING_KEYS) &&
  isText(value.id, 80, 1) &&
  isText(value.rule, 60, 1) &&
  isOneOf(SEVERITIES, value.severity) &&
  typeof value.blocking === 'boolean' &&
  isText(value.message, 2_000, 1) &&
  (value.path === undefined || isText(value.path, 1_000, 1)) &&
  (value.line === undefined || (isCount(value.line) && value.line > 0)) &&
  (value.fingerprint === undefined ||
    (typeof value.fingerprint === 'string' && FINGERPRINT_PATTERN.test(value.fingerprint)));

const REPORT_KEYS = [
  'trigger',
  'issue',
  'impact',
  'context',
  'options',
  'recommendation',
  'securitySensitive',
] as const;

function readReport(value: unknown): EscalationReport | null {
  if (!isObject(value) || !hasOnly(value, REPORT_KEYS)) return null;
  const { trigger, issue, impact, context, options, recommendation, securitySensitive } = value;
  const texts = isText(issue, 4_000, 1) && [impact, context, recommendation].every((text) => isText(text, 4_000));
  const choices =
    Array.isArray(options) && options.length <= MAX_OPTIONS && options.every((option) => isText(option, 500));
  if (!texts || !choices || typeof securitySensitive !== 'boolean') return null;
  // Whoever has a role's key speaks for no person, for no clock and not for the engine.
  if (!isOneOf(GATE_TRIGGERS, trigger)) return null;
  return {
    issue,
    impact,
    context,
    options,
    recommendation,
    security_sensitive: securitySensitive,
    trigger,
  } as EscalationReport;
}

/**
 * What a `gate-attempt/v0.2` statement says came of its attempt, or null when it is not of that shape.
 * @param outputSha256 the statement's subject
 */
export function readGateOutcome(predicate: Record<string, unknown>, outputSha256: string): GateOutcome | null {
  const { verdict, reason, findings, findingsOmitted, blockingOmitted, severeOmitted, escalation } = predicate;
  const report = escalation === null ? null : readReport(escalation);
  if (
    !isOneOf(VERDICTS, verdict) ||
    !(reason === null || isText(reason, 2_000)) ||
    !Array.isArray(findings) ||
    findings.length > MAX_FINDINGS ||
    !findings.every(isFinding) ||
    ![findingsOmitted, blockingOmitted, severeOmitted].every(isCount) ||
    (report === null && escalation !== null)
  ) {
    return null;
  }
  return {
    verdict,
    reason,
    output_sha256: outputSha256,
    findings,
    findings_omitted: findingsOmitted,
    blocking_omitted: blockingOmitted,
    severe_omitted: severeOmitted,
    escalation: report,
  } as GateOutcome;
}
