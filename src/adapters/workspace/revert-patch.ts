import type { Content } from '../../contracts/long-bytes.js';
import type { RollbackProof } from '../../contracts/record/patch.js';
import { applyToIndex } from '../git/scratch-index.js';
import type { Scratch } from './repository/scratch.js';

/**
 * Applies a patch to the tree in the scratch's index and takes it back.
 * @returns a sentence of git's where it does not apply
 * @throws PromptOsError GIT_FAILED
 */
export async function revertedChange(
  { git }: Scratch,
  commit: string,
  bytes: Content,
): Promise<RollbackProof | string> {
  const base_tree = await git.text(['rev-parse', `${commit}^{tree}`]);
  const refused = await applyToIndex(git, bytes, 'apply');
  if (refused !== null) return refused;
  const patched_tree = await git.text(['write-tree']);
  const reason = await applyToIndex(git, bytes, 'reverse');
  if (reason !== null) return { base_tree, patched_tree, restored_tree: null, reason };
  return { base_tree, patched_tree, restored_tree: await git.text(['write-tree']) };
}
