import { canonicalJson } from '../../src/contracts/json.js';
import type { Envelope } from '../../src/contracts/keys.js';
import type { GateId } from '../../src/contracts/names.js';
import type { Decision } from '../../src/contracts/run/decisions.js';
import { decisionStatement } from '../../src/domain/attest/acts.js';
import { keyOf } from './signed-run.js';
import { makeTestKey, type TestKey } from './signing.js';

/** A run that awaits P00.1.1, in the pure domain or on a real server. */
export interface DecidingRun {
  /** Milliseconds since the epoch, by the clock that judges. */
  readonly now: number;
  times(): { readonly decided_at: string; readonly expires_at: string };
  decision(gate: GateId, overrides?: Partial<Decision>): Decision;
  signedDecision(gate: GateId, overrides?: Partial<Decision>, signer?: TestKey): Envelope;
  signedResolution(escalation: string): Envelope;
}

type Case = readonly [name: string, act: (run: DecidingRun) => unknown, reason: string | null];

const MINUTE = 60_000;
const at = (run: DecidingRun, offset: number) => new Date(run.now + offset).toISOString();

/** A key that no policy lists. */
export const stranger = makeTestKey();

/** Grace's approval, with a predicate whose fields are spelled otherwise and say the same. */
function respelled(run: DecidingRun, change: (said: Record<string, unknown>) => object): Envelope {
  const statement = decisionStatement(run.decision('P00', run.times()));
  return keyOf('grace').seal({
    ...statement,
    predicate: change(statement.predicate as unknown as Record<string, unknown>),
  });
}

/** What a run that awaits P00.1.1 is sent, and the reason of its refusal; null where it counts. */
export const DECISION_CASES: readonly Case[] = [
  ['a signed approval counts', (run) => run.signedDecision('P00'), null],
  ['a signed rejection counts', (run) => run.signedDecision('P00', { choice: 'reject', reason: 'no' }), null],
  ['the second integrator may decide too', (run) => run.signedDecision('P00', { actor: 'ivan' }, keyOf('ivan')), null],
  [
    'one made four minutes early by its clock counts',
    (run) => run.signedDecision('P00', { decided_at: at(run, -4 * MINUTE) }),
    null,
  ],
  [
    'one made four minutes late by its clock counts',
    (run) => run.signedDecision('P00', { decided_at: at(run, 4 * MINUTE) }),
    null,
  ],
  ['an unsigned one', (run) => run.decision('P00'), 'SIGNATURE_MISSING'],
  ['an unsigned one with times', (run) => run.decision('P00', run.times()), 'SIGNATURE_MISSING'],
  ['nothing at all', () => undefined, 'ACTOR_MISSING'],
  ['a key that the policy lacks', (run) => run.signedDecision('P00', {}, stranger), 'KEY_UNKNOWN'],
  [
    "another's key under grace's name",
    (run) => run.signedDecision('P00', { actor: 'grace' }, keyOf('ivan')),
    'SIGNER_MISMATCH',
  ],
  ["the developer's own key", (run) => run.signedDecision('P00', { actor: 'ada' }, keyOf('ada')), 'SELF_APPROVAL'],
  ["the developer's key under grace's name", (run) => run.signedDecision('P00', {}, keyOf('ada')), 'SIGNER_MISMATCH'],
  ["the writer's key", (run) => run.signedDecision('P00', { actor: 'wendy' }, keyOf('wendy')), 'NOT_AN_INTEGRATOR'],
  ["the verifier's key", (run) => run.signedDecision('P00', { actor: 'victor' }, keyOf('victor')), 'NOT_AN_INTEGRATOR'],
  ["the reviewer's key", (run) => run.signedDecision('P00', { actor: 'rita' }, keyOf('rita')), 'NOT_AN_INTEGRATOR'],
  ["the reviewer's key under grace's name", (run) => run.signedDecision('P00', {}, keyOf('rita')), 'SIGNER_MISMATCH'],
  ['another run', (run) => run.signedDecision('P00', { run_id: 'run-two' }), 'RUN_MISMATCH'],
  ['another policy', (run) => run.signedDecision('P00', { policy_sha256: '0'.repeat(64) }), 'POLICY_MISMATCH'],
  ['another gate', (run) => run.signedDecision('P00', { gate: 'P01' }), 'REQUEST_NOT_STANDING'],
  ['another attempt', (run) => run.signedDecision('P00', { attempt: 2 }), 'REQUEST_NOT_STANDING'],
  ['another request', (run) => run.signedDecision('P00', { request_id: 'P00.1.2' }), 'REQUEST_NOT_STANDING'],
  ['other bytes', (run) => run.signedDecision('P00', { output_sha256: '0'.repeat(64) }), 'OUTPUT_MISMATCH'],
  [
    'made six minutes before its request',
    (run) => run.signedDecision('P00', { decided_at: at(run, -6 * MINUTE) }),
    'DECISION_TIME_INVALID',
  ],
  [
    'made six minutes ahead',
    (run) => run.signedDecision('P00', { decided_at: at(run, 6 * MINUTE) }),
    'DECISION_TIME_INVALID',
  ],
  ['expired', (run) => run.signedDecision('P00', { expires_at: at(run, -1) }), 'DECISION_EXPIRED'],
  ['expiring this instant', (run) => run.signedDecision('P00', { expires_at: at(run, 0) }), 'DECISION_EXPIRED'],
  ['without a time', (run) => keyOf('grace').seal(decisionStatement(run.decision('P00'))), 'MALFORMED'],
  ['an instant that is none', (run) => run.signedDecision('P00', { decided_at: 'yesterday' }), 'MALFORMED'],
  ['a rejection without a reason', (run) => run.signedDecision('P00', { choice: 'reject' }), 'REASON_MISSING'],
  ['a resolution in place of a decision', (run) => run.signedResolution('E1'), 'MALFORMED'],
  [
    'two signatures',
    (run) => {
      const envelope = run.signedDecision('P00');
      return { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] };
    },
    'MALFORMED',
  ],
  ['no signature', (run) => ({ ...run.signedDecision('P00'), signatures: [] }), 'MALFORMED'],
  [
    'a signature of other bytes',
    (run) => ({
      ...run.signedDecision('P00'),
      signatures: run.signedDecision('P00', { comment: 'other' }).signatures,
    }),
    'SIGNATURE_INVALID',
  ],
  [
    'another payload under the signature',
    (run) => ({
      ...run.signedDecision('P00'),
      payload: run.signedDecision('P00', { comment: 'other' }).payload,
    }),
    'SIGNATURE_INVALID',
  ],
  ['another payload type', (run) => ({ ...run.signedDecision('P00'), payloadType: 'application/json' }), 'MALFORMED'],
  ['a field more in the envelope', (run) => ({ ...run.signedDecision('P00'), actor: 'grace' }), 'MALFORMED'],
  [
    'a field more in the predicate',
    (run) => {
      const statement = decisionStatement(run.decision('P00', run.times()));
      return keyOf('grace').seal({ ...statement, predicate: { ...(statement.predicate as object), sudo: true } });
    },
    'MALFORMED',
  ],
  [
    'a field of the predicate in snake_case',
    (run) => respelled(run, ({ runId, ...rest }) => ({ ...rest, run_id: runId })),
    'MALFORMED',
  ],
  [
    'a field of the predicate in both spellings',
    (run) => respelled(run, (said) => ({ ...said, run_id: said.runId })),
    'MALFORMED',
  ],
  [
    'the bytes named twice',
    (run) => {
      const statement = decisionStatement(run.decision('P00', run.times()));
      return keyOf('grace').seal({ ...statement, subject: [...statement.subject, ...statement.subject] });
    },
    'MALFORMED',
  ],
  [
    'duplicated members',
    (run) => {
      const text = canonicalJson(decisionStatement(run.decision('P00', run.times())));
      return keyOf('grace').sealBytes(text.replace('"actor":"grace"', '"actor":"ivan","actor":"grace"'));
    },
    'MALFORMED',
  ],
  [
    '1.0 for 1',
    (run) => {
      const text = canonicalJson(decisionStatement(run.decision('P00', run.times())));
      return keyOf('grace').sealBytes(text.replace('"attempt":1', '"attempt":1.0'));
    },
    'MALFORMED',
  ],
  ['a look-alike of the name', (run) => run.signedDecision('P00', { actor: 'grаce' }), 'MALFORMED'],
  ['64 KiB and more', (run) => ({ ...run.signedDecision('P00'), payload: 'A'.repeat(70_000) }), 'TOO_LARGE'],
];

/** The signal by which a message would be sent: its name must be that of the choice. */
export function signalOf(content: unknown): 'approve' | 'reject' {
  const text = JSON.stringify(content ?? null);
  const payload = (content as { payload?: string } | undefined)?.payload ?? '';
  return `${text}${Buffer.from(payload, 'base64').toString()}`.includes('"reject"') ? 'reject' : 'approve';
}
