import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { patchRecord, seal } from '../../support/forge-tree.js';
import type { Recipe } from './recipe.js';
import { editSessionText, resession } from './session-edits.js';

const OTHER = 'f'.repeat(64);

/** What the policy file of existing PromptOS tooling asks is not so. */
export const PROMPTOS_POLICY_RECIPES: readonly Recipe[] = [
  {
    name: 'PromptOS policy: another version is required',
    tree: 'straight',
    promptosPolicy: { required_promptos_version: 'v9.9.9' },
    code: 'PROMPTOS_VERSION',
    break: (tree) => tree,
  },
  {
    name: 'PromptOS policy: the artifact hash does not hold',
    tree: 'straight',
    promptosPolicy: { enforce_hash_validation: true },
    code: 'PROMPTOS_HASH',
    break: (tree) => editSessionText(tree, (text) => text.replace(/("artifact_hash": ")[0-9a-f]{64}/, `$1${OTHER}`)),
  },
  {
    name: 'PromptOS policy: the sidecar does not hold',
    tree: 'straight',
    promptosPolicy: { enforce_hash_validation: true },
    code: 'PROMPTOS_HASH',
    break: (tree) => seal(patchRecord(tree.put(TREE_PATHS.sidecar, `${OTHER}  prompt_session.json\n`))),
  },
  {
    name: 'PromptOS policy: no prompts are declared',
    tree: 'straight',
    promptosPolicy: { require_prompts_declared: true },
    code: 'PROMPTOS_PROMPTS',
    break: (tree) =>
      resession(tree, (session) => {
        session.prompts_used = [];
      }),
  },
  {
    name: 'PromptOS policy: a prompt is declared that did not run',
    tree: 'cancelled',
    promptosPolicy: { require_prompts_declared: true },
    code: 'PROMPTOS_PROMPTS',
    break: (tree) =>
      resession(tree, (session) => {
        session.prompts_used.push('P07');
      }),
  },
  {
    name: 'PromptOS policy: the chain hash does not hold',
    tree: 'straight',
    promptosPolicy: { require_chain_validation: true },
    code: 'PROMPTOS_CHAIN',
    break: (tree) => editSessionText(tree, (text) => text.replace(/("chain_hash": ")[0-9a-f]{64}/, `$1${OTHER}`)),
  },
  {
    name: 'PromptOS policy: the record is bound to another session',
    tree: 'straight',
    promptosPolicy: { require_run_binding: true },
    code: 'PROMPTOS_BINDING',
    break: (tree) =>
      seal(
        tree.editRecord((record) => {
          record.governance.prompt_artifact_hash = OTHER;
        }),
      ),
  },
];
