import {
  buildPromptSession,
  type PromptSessionFields,
  promptSessionSidecar,
} from '../../../src/domain/record/prompt-session.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { ENGINE, patchRecord, seal } from '../../support/forge-tree.js';
import { type Loose, type MutableTree, sha256Of } from '../../support/mutable-tree.js';

/** Changes the session and makes again its hashes, its sidecar and whatever names them. */
export function resession(
  tree: MutableTree,
  change: (session: Loose<PromptSessionFields>) => void,
  keys = ENGINE,
): MutableTree {
  const {
    artifact_hash: _artifact,
    chain_hash: _chain,
    ...fields
  } = tree.json<ReturnType<typeof buildPromptSession>['session']>(TREE_PATHS.session);
  change(fields);
  const { session, text, sidecar } = buildPromptSession(fields);
  tree.put(TREE_PATHS.session, text).put(TREE_PATHS.sidecar, sidecar);
  tree.editRecord((record) => {
    record.governance = { prompt_artifact_hash: session.artifact_hash, prompt_chain_hash: session.chain_hash };
  });
  return seal(patchRecord(tree), keys);
}

/** Changes the session's text, its sidecar and the record; the hashes in it are left as they are. */
export function editSessionText(tree: MutableTree, change: (text: string) => string): MutableTree {
  tree.edit(TREE_PATHS.session, change);
  tree.put(TREE_PATHS.sidecar, promptSessionSidecar(sha256Of(tree.bytes(TREE_PATHS.session))));
  return seal(patchRecord(tree));
}
