import type { GateHandedOff, GateStatus } from '../../contracts/run/run-status.js';

/** What is awaited of whom, as words without a full stop. @param quote shows a name as text */
export function describeHandOff(
  gate: GateStatus['gate'],
  { to, since, claim }: GateHandedOff,
  quote: (name: string) => string,
): string {
  const claimed = claim === null ? 'not claimed' : `claimed by ${quote(claim.claimant)} until ${quote(claim.until)}`;
  return `waiting for ${quote(to)} to do ${gate} (handed off since ${since}; ${claimed})`;
}
