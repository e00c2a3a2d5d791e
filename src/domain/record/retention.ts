import type { TranscriptRules } from '../../contracts/policy/retention.js';
import type { RunRecord } from '../../contracts/record/run-record.js';

/**
 * What an executor printed in a try. What the run rests on is none of it: its prompt, its answer, what it asked of the
 * network, and what checks printed.
 */
const TRANSCRIPT = /^evidence\/attempts\/P[0-9]{2}\/[1-9][0-9]*\/try-[1-9][0-9]{0,2}\/(?:stdout|stderr)\.txt$/;

/** How a verifier's remark on transcripts begins that are missing for this reason. */
export const REMOVED_BY_RETENTION = 'removed by retention';

export const isTranscript = (path: string): boolean => TRANSCRIPT.test(path);

/** When the transcripts of a run may go: milliseconds since the epoch; null where its policy keeps them for ever. */
export function keptUntil(
  { transcripts }: { readonly transcripts?: TranscriptRules | undefined },
  { finished_at }: Pick<RunRecord, 'finished_at'>,
): number | null {
  const keep = transcripts?.keep ?? null;
  return keep === null ? null : Date.parse(finished_at) + keep;
}
