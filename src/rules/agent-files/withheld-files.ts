import type { Inventory } from '../../contracts/run/inventory.js';
import { type ParsedPatch, parsePatch } from '../patch/parse-patch.js';
import { createAgentPaths } from './agent-files.js';
import { touchedAgentFiles } from './judge-agent-files.js';

/** Paths of a patch that steer agents, which no verifier and no reviewer has in its checkout. Sorted, each once. */
export const withheldFiles = (
  patch: Pick<ParsedPatch, 'files' | 'added_lines'>,
  inventory: Inventory['files'],
): readonly string[] => [
  ...new Set(
    touchedAgentFiles(patch, createAgentPaths(inventory))
      .map(({ path }) => path)
      .sort(),
  ),
];

const NOTE =
  'The patch changes these files, which coding agents read as instructions. In this checkout they are as in the base commit, or missing. The text of the patch shows the change, and the checks of test_results ran with it.';

/** What the prompt of P06 and P07 says of them; null for a patch that touches none. */
export function withheldInput(patch: Uint8Array, inventory: Inventory['files']): unknown {
  const files = withheldFiles(parsePatch(patch), inventory);
  return files.length === 0 ? null : { note: NOTE, files };
}
