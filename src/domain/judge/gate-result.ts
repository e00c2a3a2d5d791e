import { canonicalSha256, isRecord, own } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import {
  FINGERPRINT_PATTERN,
  GATE_TRIGGERS,
  GATES,
  type GateId,
  SANDBOX_KINDS,
  type SandboxKind,
  SEVERITIES,
  VERDICTS,
} from '../../contracts/names.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { ExecuteGateResult, GateOutcome, SentGateResult } from '../../contracts/run/activities.js';
import type { EscalationReport } from '../../contracts/run/escalation.js';
import type { Finding } from '../../contracts/run/findings.js';
import type { LedgerHead } from '../../contracts/run/ledger.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import type { GateResultPredicate } from '../attest/acts.js';
import { openEnvelope } from '../attest/envelope.js';
import { PREDICATES, readStatement } from '../attest/statement.js';
import { gateState, type RunState } from '../run/run-state.js';
import { isValidAt, readEnvelope } from './authenticate.js';
import { readStatedSpent } from './read-spent.js';

/*
 * Reads what a gate's signed statement says of its result, by hand, since it runs in the workflow sandbox. The holder
 * of a role's key can sign anything, so every field is checked; any other shape gives null.
 */

/** Findings that one statement may hold; the attempt's record has them all. */
const MAX_FINDINGS = 50;
const MAX_OPTIONS = 8;

const isText = (value: unknown, limit: number, least = 0): value is string =>
  typeof value === 'string' && value.length >= least && value.length <= limit;
const isSandboxKind = (value: unknown): value is SandboxKind => isOneOf(SANDBOX_KINDS, value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isOneOf = (values: readonly string[], value: unknown): boolean => values.includes(value as string);
const hasOnly = (value: Record<string, unknown>, keys: readonly string[]): boolean =>
  Object.keys(value).every((key) => keys.includes(key));

const FINDING_KEYS = ['id', 'rule', 'severity', 'blocking', 'message', 'path', 'line', 'fingerprint'];

const isFinding = (value: unknown): value is Finding =>
  isRecord(value) &&
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
  if (!isRecord(value) || !hasOnly(value, REPORT_KEYS)) return null;
  const { trigger, issue, impact, context, options, recommendation, securitySensitive } = value;
  const texts = isText(issue, 4_000, 1) && [impact, context, recommendation].every((text) => isText(text, 4_000));
  const choices =
    Array.isArray(options) && options.length <= MAX_OPTIONS && options.every((option) => isText(option, 500));
  if (!texts || !choices || typeof securitySensitive !== 'boolean') return null;
  // A role's key cannot sign for a person, a clock or the engine.
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
  const { verdict, reason, findings, findingsOmitted, blockingOmitted, severeOmitted, escalation, sandbox } = predicate;
  const spent = readStatedSpent(predicate.spent);
  const report = escalation === null ? null : readReport(escalation);
  if (
    !isOneOf(VERDICTS, verdict) ||
    !(reason === null || isText(reason, 2_000)) ||
    !Array.isArray(findings) ||
    findings.length > MAX_FINDINGS ||
    !findings.every(isFinding) ||
    ![findingsOmitted, blockingOmitted, severeOmitted].every(isCount) ||
    (report === null && escalation !== null) ||
    !(sandbox === undefined || isSandboxKind(sandbox)) ||
    (spent === null && predicate.spent !== undefined)
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
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(spent === null ? {} : { spent }),
  } as GateOutcome;
}

/** A result that counts, or why it does not. */
export type JudgedResult =
  | { readonly ok: true; readonly outcome: GateOutcome; readonly attestation: Envelope | null }
  | { readonly ok: false; readonly problem: string };

interface FinishedGate {
  readonly gate: GateId;
  readonly attempt: number;
  readonly result: SentGateResult;
}

const refused = (problem: string): JudgedResult => ({ ok: false, problem });

const isWhole = (result: SentGateResult): result is ExecuteGateResult => Object.hasOwn(result, 'verdict');

/** The report of an unsigned result has any shape. */
const mayRaise = (escalation: GateOutcome['escalation'] | undefined): boolean =>
  escalation === null || (escalation !== undefined && GATE_TRIGGERS.includes(escalation.trigger));

/**
 * Whether a gate's result was signed by the principal that the policy binds to its role, about exactly this attempt of
 * this ledger. What counts of a signed result is what was signed; whatever arrives beside it is ignored.
 * @param at workflow time: the key must count then
 */
export function judgeAttestation(state: RunState, plan: RunPlan, finished: FinishedGate, at: string): JudgedResult {
  const { gate } = finished;
  const principal = plan.principals[GATES[gate].role];
  // Anybody who reaches Temporal can complete an activity, with a result of any shape.
  const result: unknown = finished.result;
  if (typeof result !== 'object' || result === null || !Object.hasOwn(result, 'attestation')) {
    return refused('it is no result of a gate');
  }
  if (finished.result.attestation === null) {
    if (plan.attestations === 'required') return refused(`the result is not signed, and ${principal} must sign it`);
    if (!isWhole(finished.result)) return refused('it says nothing');
    const { attestation: _, ...outcome } = finished.result;
    return rulesVersionOf(plan) >= 2 && !mayRaise(outcome.escalation)
      ? refused('it escalates what no gate finds')
      : { ok: true, outcome, attestation: null };
  }
  const attestation = readEnvelope(finished.result.attestation);
  if (attestation === null) return refused('its attestation is no envelope');
  const keys = (own(plan.keys, principal) ?? []).filter((key) => isValidAt(key, at));
  const opened = openEnvelope(attestation, keys);
  if (!opened.ok) {
    return refused(`${opened.problem} (${opened.detail}): expected a key of ${principal} that is valid at ${at}`);
  }
  return rulesVersionOf(plan) === 1
    ? judgeFirstVersion(state, principal, finished, opened.payload)
    : judgeSigned(state, principal, finished, opened.payload, attestation);
}

/** Rules version 2: the outcome is part of the statement. */
function judgeSigned(
  state: RunState,
  principal: string,
  { gate, attempt }: FinishedGate,
  payload: unknown,
  attestation: Envelope,
): JudgedResult {
  const stated = readStatement(payload, PREDICATES.gateAttemptV2);
  const [about, ...more] = stated?.subject ?? [];
  if (stated === null || about === undefined || more.length > 0) {
    return refused(`expected a statement ${PREDICATES.gateAttemptV2} with one subject`);
  }
  const current = gateState(state, gate)?.current;
  const different = firstDifferent(stated.predicate, {
    runId: state.run?.run_id,
    gate,
    attempt,
    principal,
    policySha256: state.run?.policy_sha256,
    nonce: current?.nonce ?? 'none: the attempt has no entry that started it',
    feedbackSha256: current?.feedback_sha256,
  });
  if (different !== null) return refused(different);
  // A head further on would be one of another past, when the result is given again after a Reset.
  const { ledger } = stated.predicate;
  if (!isHead(ledger) || ledger.hash !== current?.nonce || ledger.entries !== current?.started_entries) {
    return refused('it names another head of the ledger than the entry that started the attempt');
  }
  const outcome = readGateOutcome(stated.predicate, about.digest.sha256);
  return outcome === null
    ? refused('what it says of the result has another shape')
    : { ok: true, outcome, attestation };
}

const isHead = (value: unknown): value is LedgerHead =>
  isRecord(value) &&
  Object.keys(value).length === 2 &&
  Number.isSafeInteger(value.entries) &&
  typeof value.hash === 'string';

/** Rules version 1: the statement names verdict and digest, the rest of the result is taken as it came. */
function judgeFirstVersion(
  state: RunState,
  principal: string,
  { gate, attempt, result }: FinishedGate,
  payload: unknown,
): JudgedResult {
  if (!isWhole(result)) return refused('it says nothing');
  const stated = readStatement(payload, PREDICATES.gateAttempt);
  if (stated === null) return refused(`expected a statement ${PREDICATES.gateAttempt}`);
  const { attestation, ...outcome } = result;
  const different = firstDifferent(stated.predicate, {
    runId: state.run?.run_id,
    gate,
    attempt,
    principal,
    verdict: outcome.verdict,
    policySha256: state.run?.policy_sha256,
  });
  if (different !== null) return refused(different);
  const about = stated.subject.length === 1 ? stated.subject[0]?.digest.sha256 : undefined;
  return about === outcome.output_sha256
    ? { ok: true, outcome, attestation }
    : refused(`it is about ${about ?? 'several things'}, not about ${outcome.output_sha256}`);
}

function firstDifferent(predicate: Record<string, unknown>, expected: Record<string, unknown>): string | null {
  const different = Object.entries(expected).find(([field, value]) => predicate[field] !== value);
  return different === undefined ? null : `it says another ${different[0]}: expected ${different[1]}`;
}

/** What an attempt's signed statement says beside its outcome, from its record and the step that it carried out. */
export const resultPredicate = (
  record: AttemptRecord,
  step: { readonly feedback_sha256: string; readonly nonce: string; readonly ledger: LedgerHead },
): GateResultPredicate => ({
  runId: record.run_id,
  gate: record.gate,
  attempt: record.attempt,
  principal: record.principal,
  policySha256: record.policy_sha256,
  promptSha256: record.prompt.sha256,
  renderedPromptSha256: record.tries.at(-1)?.rendered_prompt_sha256 ?? null,
  feedbackSha256: step.feedback_sha256,
  artifactsSha256: canonicalSha256([...record.artifacts, ...record.transcripts]),
  nonce: step.nonce,
  ledger: { entries: step.ledger.entries, hash: step.ledger.hash },
});
