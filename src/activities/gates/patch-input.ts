import { PromptOsError } from '../../contracts/errors.js';
import type { EarlierPatch } from '../earlier-outputs.js';
import type { GateTask } from './gate-definition.js';

/**
 * The patch that stands for P05.
 * @throws PromptOsError INTERNAL when there is none: P06 and P07 never run without P05.
 */
export function standingPatch({ earlier, input }: GateTask): EarlierPatch {
  if (earlier.patch !== null) return earlier.patch;
  throw new PromptOsError('INTERNAL', `${input.gate} was started without a standing patch of P05.`);
}
