import type { ErrorCode } from '../../../contracts/errors.js';
import { isExpiredWaiver, type RecordedWaiver, type RunRecord } from '../../../contracts/record/run-record.js';
import { restingWaivers } from '../../../domain/record/run-record.js';
import { printableLine } from '../../app/printable.js';

export interface JudgedWaivers {
  readonly code: Extract<ErrorCode, 'WAIVER_EXPIRED'> | null;
  readonly message: string;
}

/**
 * Whether what an approved run waived still counts: a change must not be merged on a waiver that has expired.
 * @param now milliseconds since the epoch
 * @returns null when what was approved rests on no waiver
 */
export function judgeWaivers({ run_id, waivers = [] }: RunRecord, now: number): JudgedWaivers | null {
  const resting = restingWaivers(waivers);
  if (resting.length === 0) return null;
  const named = (those: typeof resting): string =>
    those
      .map((waiver) => {
        const ids = waiver.findings.map(({ id }) => id).join(', ');
        return `${ids} (${waiver.escalation_id}, by ${waiver.waived_by} ${describeEnd(waiver, now)})`;
      })
      .join('; ');
  const expired = resting.filter((waiver) => isExpiredWaiver(waiver, now));
  if (expired.length === 0) return { code: null, message: `waived and still counting: ${named(resting)}` };
  return { code: 'WAIVER_EXPIRED', message: `Run ${run_id} rests on waivers that no longer count: ${named(expired)}.` };
}

/** Characters of a finding's message and of a reason at most. */
const TEXT_LIMIT = 300;

/** A waiver as programs read it: the record is true forever, and whether a waiver has expired depends on when one asks. */
export const withExpired = (waivers: readonly RecordedWaiver[], now: number) =>
  waivers.map((waiver) => ({ ...waiver, expired: isExpiredWaiver(waiver, now) }));

function describeEnd(waiver: Pick<RecordedWaiver, 'expires_at'>, now: number): string {
  if (waiver.expires_at === null) return 'without an end';
  return `until ${waiver.expires_at}${isExpiredWaiver(waiver, now) ? ', expired' : ''}`;
}

/** One waiver: a line that says who, until when and why, and one for each finding. */
export function describeWaiver(waiver: RecordedWaiver, now: number): readonly string[] {
  const { escalation_id, gate, attempt, waived_by, signed_by, reason, findings, standing } = waiver;
  const who = `${printableLine(waived_by)}${signed_by === null ? ' (not signed)' : ''}`;
  const voided = standing === 'voided' ? '; the attempt no longer counts' : '';
  return [
    `${escalation_id} at ${gate} attempt ${attempt}: waived by ${who} ${describeEnd(waiver, now)}${voided}: ${printableLine(reason, TEXT_LIMIT)}`,
    ...findings.map(({ id, fingerprint, message, path }) => {
      const names = fingerprint === undefined ? printableLine(id) : `${printableLine(id)} (${fingerprint})`;
      const where = path === undefined ? '' : ` (${printableLine(path)})`;
      return `  ${names}: ${printableLine(message, TEXT_LIMIT)}${where}`;
    }),
  ];
}
