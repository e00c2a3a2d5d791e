import type { ErrorCode } from '../../contracts/errors.js';
import type { RunRecord } from '../../contracts/run-record.js';
import { isExpiredWaiver } from '../../contracts/waiver.js';
import { restingWaivers } from '../../domain/record/run-record.js';
import { describeEnd } from '../describe-waiver.js';

/** What is wrong with an approved run's waivers at an instant, or what holds. */
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
