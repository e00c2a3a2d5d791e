import { isRecord } from '../../contracts/json.js';

/** in-toto Statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

export interface Statement<P = unknown> {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: P;
}

/** The predicates that are our own; docs/attestations.md has each with its fields and an example. */
export const PREDICATES = {
  gateDecision: 'https://promptos.dev/predicates/gate-decision/v0.1',
  escalationResolution: 'https://promptos.dev/predicates/escalation-resolution/v0.1',
  escalation: 'https://promptos.dev/predicates/escalation/v0.1',
  runCancellation: 'https://promptos.dev/predicates/run-cancellation/v0.1',
  runRequest: 'https://promptos.dev/predicates/run-request/v0.1',
  gateAttempt: 'https://promptos.dev/predicates/gate-attempt/v0.1',
  gateAttemptV2: 'https://promptos.dev/predicates/gate-attempt/v0.2',
  runOpening: 'https://promptos.dev/predicates/run-opening/v0.1',
  gateClaim: 'https://promptos.dev/predicates/gate-claim/v0.1',
  ledgerHead: 'https://promptos.dev/predicates/ledger-head/v0.1',
  runRecord: 'https://promptos.dev/predicates/run-record/v0.1',
  ledgerSeal: 'https://promptos.dev/predicates/ledger-seal/v0.1',
} as const;

export const statement = <P>(predicateType: string, subject: readonly Subject[], predicate: P): Statement<P> => ({
  _type: STATEMENT_TYPE,
  subject,
  predicateType,
  predicate,
});

/** A payload as a statement of the wanted type, or null: by hand, since it runs in the workflow sandbox. */
export function readStatement(payload: unknown, predicateType: string): Statement<Record<string, unknown>> | null {
  if (!isRecord(payload) || payload._type !== STATEMENT_TYPE || payload.predicateType !== predicateType) return null;
  const { subject, predicate } = payload;
  if (!Array.isArray(subject) || !isRecord(predicate) || Object.keys(payload).length !== 4) return null;
  const subjects = subject.every(
    (item) =>
      isRecord(item) &&
      typeof item.name === 'string' &&
      isRecord(item.digest) &&
      typeof item.digest.sha256 === 'string' &&
      /^[0-9a-f]{64}$/.test(item.digest.sha256),
  );
  return subjects ? (payload as unknown as Statement<Record<string, unknown>>) : null;
}
