import type { AttemptRecord } from '../contracts/attempt.js';
import type { LedgerEntry } from '../contracts/ledger.js';
import { type Replay, type ReplayEvidence, replayLedger } from '../governance/replay-ledger.js';
import { firstDifference } from './first-difference.js';
import { VerifyFailure } from './verify-codes.js';

/**
 * The ledger of a tree once more through the domain.
 * @param attempts records of attempts by digest: what they escalated is in them
 * @throws VerifyFailure FOLD_DIFFERS, DECISION_REFUSED, RESOLUTION_REFUSED, ESCALATION_REFUSED, ATTESTATION_REFUSED
 */
export function replayTree(
  entries: readonly LedgerEntry[],
  attempts: ReadonlyMap<string, AttemptRecord>,
  signedMessage: ReplayEvidence['signedMessage'],
  path: string,
): Replay {
  const replayed = replayLedger(entries, {
    escalationOf: (sha256) => attempts.get(sha256)?.escalation ?? null,
    signedMessage,
  });
  if (replayed.ok) return replayed;
  const { code, seq, expected, found } = replayed;
  const place = `${path}:${seq + 1}`;
  if (typeof expected === 'string') {
    throw new VerifyFailure(code, { path: place, expected, found: String(found) });
  }
  const difference = firstDifference(expected, found);
  throw new VerifyFailure(code, {
    path: place,
    expected: `${expected.type} ${difference?.at ?? ''}: ${difference?.expected ?? ''}`,
    found: `${(found as { type?: string } | undefined)?.type ?? 'nothing'}: ${difference?.found ?? ''}`,
  });
}
