import type { VerifyCode } from '../../../src/verify/verify-codes.js';
import { type SignedKind, underPolicy } from '../../support/under-policy.js';
import { VECTOR_KEYS, type VectorKeyName } from '../../support/vector-keys.js';
import { exchanged, LONG_BEFORE, packLine, SIGNED_POLICY, vectorPack } from '../../support/vector-policies.js';
import type { Recipe, TreeName } from './recipe.js';

/** An instant after all of the recorded runs. */
const LONG_AFTER = '2099-01-01T00:00:00Z';

/** A kind of signature, whose second key signs it, in which run, and the code when that key does not count. */
export interface WindowCase {
  readonly kind: SignedKind;
  readonly holder: VectorKeyName;
  readonly tree: TreeName;
  readonly code: VerifyCode;
}

export const WINDOW_CASES: readonly WindowCase[] = [
  { kind: 'request', holder: 'ada', tree: 'straight', code: 'REQUEST_SIGNATURE_INVALID' },
  { kind: 'decision', holder: 'grace', tree: 'rejected', code: 'DECISION_REFUSED' },
  { kind: 'resolution', holder: 'grace', tree: 'escalated', code: 'RESOLUTION_REFUSED' },
  { kind: 'escalation', holder: 'ada', tree: 'escalated', code: 'ESCALATION_REFUSED' },
  { kind: 'cancellation', holder: 'ada', tree: 'cancelled-signed', code: 'CANCELLATION_REFUSED' },
  { kind: 'result', holder: 'nina', tree: 'cancelled', code: 'ATTESTATION_REFUSED' },
  { kind: 'result', holder: 'vera', tree: 'straight', code: 'ATTESTATION_REFUSED' },
  { kind: 'result', holder: 'rex', tree: 'straight', code: 'ATTESTATION_REFUSED' },
  // Of an attempt that was voided, too: in this run P05 and P06 were done twice.
  { kind: 'provenance', holder: 'nina', tree: 'reworked', code: 'ATTESTATION_INVALID' },
  { kind: 'test result', holder: 'vera', tree: 'reworked', code: 'ATTESTATION_INVALID' },
  { kind: 'engine', holder: 'engine', tree: 'cancelled', code: 'SEAL_INVALID' },
];

/** The signed policy, in which a holder has one more key. @param times when that key counts */
export function policyWithSecondKey(holder: VectorKeyName, times: string): string {
  const first = `{ public: '${VECTOR_KEYS[holder].line} ${holder}' }`;
  const second = `{ public: '${VECTOR_KEYS.stranger.line} second'${times} }`;
  return `${exchanged(SIGNED_POLICY, first, `${first}, ${second}`)}${packLine(vectorPack())}`;
}

const WINDOWS: Readonly<Record<string, string>> = {
  'had ended': `, valid_until: ${LONG_BEFORE}`,
  'had not begun': `, valid_from: ${LONG_AFTER}`,
  'was revoked': `, revoked_at: ${LONG_BEFORE}`,
};

const ended = ({ kind, holder, tree, code }: WindowCase): readonly Recipe[] =>
  Object.entries(WINDOWS).map(([what, times]) => {
    const text = policyWithSecondKey(holder, times);
    return {
      name: `key of a signature (${kind} by ${holder}) ${what}`,
      tree,
      policyTexts: [text],
      // Revocations are judged before the seal.
      code: kind === 'engine' && what === 'was revoked' ? 'KEY_REVOKED' : code,
      break: (broken) => underPolicy(broken, text, { kind, holder, key: VECTOR_KEYS.stranger }),
    };
  });

/** The key counted by the run's own policy; a newer one, handed in beside it, says that it was revoked before. */
const revokedLater = ({ kind, holder, tree }: WindowCase): Recipe => {
  const text = policyWithSecondKey(holder, '');
  return {
    name: `key of a signature (${kind} by ${holder}) was revoked by a newer policy`,
    tree,
    policyTexts: [text, policyWithSecondKey(holder, `, revoked_at: ${LONG_BEFORE}`)],
    code: 'KEY_REVOKED',
    break: (broken) => underPolicy(broken, text, { kind, holder, key: VECTOR_KEYS.stranger }),
  };
};

/** Whichever policy is handed in first, and whatever the others say, the earliest revocation counts. */
const earliestRevocation: readonly Recipe[] = ['first', 'last'].map((place) => {
  const { kind, holder, tree } = WINDOW_CASES[0] as WindowCase;
  const text = policyWithSecondKey(holder, '');
  const later = policyWithSecondKey(holder, `, revoked_at: ${LONG_AFTER}`);
  const earlier = policyWithSecondKey(holder, `, revoked_at: ${LONG_BEFORE}`);
  return {
    name: `key of a signature (${kind} by ${holder}) was revoked twice, the earlier time in the policy handed in ${place}`,
    tree,
    policyTexts: [text, ...(place === 'first' ? [earlier, later] : [later, earlier])],
    code: 'KEY_REVOKED',
    break: (broken) => underPolicy(broken, text, { kind, holder, key: VECTOR_KEYS.stranger }),
  };
});

/** Keys that do not count at the ledger's time, for each kind of signature. */
export const KEY_WINDOW_RECIPES: readonly Recipe[] = WINDOW_CASES.flatMap((one) => [
  ...ended(one),
  revokedLater(one),
]).concat(earliestRevocation);
