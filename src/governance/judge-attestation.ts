import { openEnvelope } from '../attestation/envelope.js';
import { PREDICATES, readStatement } from '../attestation/statement.js';
import type { ExecuteGateResult, GateOutcome, SentGateResult } from '../contracts/activities.js';
import type { Envelope } from '../contracts/keys.js';
import type { LedgerHead } from '../contracts/ledger.js';
import { GATE_TRIGGERS, GATES, type GateId } from '../contracts/names.js';
import { own } from '../contracts/own.js';
import { rulesVersionOf } from '../contracts/rules-version.js';
import type { RunPlan } from '../contracts/run-plan.js';
import { isValidAt, readEnvelope } from './authenticate.js';
import { readGateOutcome } from './read-gate-outcome.js';
import { gateState, type RunState } from './run-state.js';

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
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length === 2 &&
  Number.isSafeInteger((value as Partial<LedgerHead>).entries) &&
  typeof (value as Partial<LedgerHead>).hash === 'string';

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
