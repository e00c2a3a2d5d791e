import { workApart } from '../../adapters/platform/apart.js';
import { isLong, startOf } from '../../contracts/long-bytes.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import { PATCH_INPUT_BYTES, patchInput } from '../../prompt-pack/render.js';
import { withheldInput } from '../../rules/agent-files/withheld-files.js';
import { parsePatch } from '../../rules/patch/parse-patch.js';
import { patchedPaths } from '../../rules/patch/patch-rule.js';
import type { EarlierPatch } from '../documents/earlier-outputs.js';

const READER = new URL('../../../dist/activities/apart/read-patch-process.js', import.meta.url);

/** What the text of a patch says, as far as prompts and reviews need it. */
export interface PatchText {
  /** How many bytes it has, whatever a record says of it. */
  readonly bytes: number;
  /** What prompts say of its files that steer agents. */
  readonly withheld: unknown;
  /** Every path that it touches. */
  readonly paths: readonly string[];
}

export const readPatchText = (bytes: Uint8Array, inventory: Inventory['files']): PatchText => ({
  bytes: bytes.byteLength,
  withheld: withheldInput(bytes, inventory),
  paths: patchedPaths(parsePatch(bytes)),
});

/**
 * A patch of P05 as later gates are given it. A long one is read by a process of its own.
 * @throws the signal's reason when it is aborted; OBJECT_NOT_FOUND, OBJECT_CORRUPT; Error when the process cannot work
 */
export async function readPatchApart(
  patch: EarlierPatch,
  inventory: Inventory['files'],
  signal: AbortSignal,
): Promise<PatchText & { readonly input: unknown }> {
  const { bytes, sha256, files } = patch;
  const start = await startOf(bytes, PATCH_INPUT_BYTES);
  const text = isLong(bytes)
    ? ((await workApart({ program: READER, input: inventory, content: () => bytes, signal })).value as PatchText)
    : readPatchText(bytes, inventory);
  return { ...text, input: patchInput({ start, bytes: text.bytes, sha256, files }) };
}
