import { PromptOsError } from '../../contracts/errors.js';
import type { EarlierPatch } from '../earlier-outputs.js';
import type { GateTask } from './gate-definition.js';

/** Bytes of a patch that go into a prompt. */
export const PATCH_INPUT_BYTES = 200_000;

/**
 * The patch that stands for P05.
 * @throws PromptOsError INTERNAL when there is none: P06 and P07 never run without P05.
 */
export function standingPatch({ earlier, input }: GateTask): EarlierPatch {
  if (earlier.patch !== null) return earlier.patch;
  throw new PromptOsError('INTERNAL', `${input.gate} was started without a standing patch of P05.`);
}

/** A patch as a prompt's input: its files, and its text whole or the start of it with a last line that says so. */
export function patchInput({ files, bytes, sha256 }: EarlierPatch): unknown {
  const cut = bytes.byteLength > PATCH_INPUT_BYTES;
  const start = new TextDecoder().decode(bytes.subarray(0, PATCH_INPUT_BYTES));
  const note = `\n[cut: the first ${PATCH_INPUT_BYTES} of ${bytes.byteLength} bytes; the checkout holds the whole change]\n`;
  return { sha256, bytes: bytes.byteLength, files, cut, text: cut ? `${start}${note}` : start };
}
