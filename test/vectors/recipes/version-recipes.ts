import type { Envelope } from '../../../src/contracts/keys.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import { gateAttemptStatement } from '../../../src/domain/attest/acts.js';
import { attemptFolder, TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { ALL_KEYS, ENGINE, forge } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

/** The run says that it was governed by other rules, and is published without what those did not ask for. */
export function lowered(tree: MutableTree, version: number | undefined, keys: readonly VectorKey[]): MutableTree {
  tree.remove(TREE_PATHS.journal);
  const edited = editLedger(tree, (entries) => {
    // A run of the first rules closed at once, and not when the engine had looked into the journal.
    Object.assign(nth(entries, 'runClosed'), { at: entries.at(-2)?.at });
    const { plan } = nth(entries, 'runOpened');
    if (version !== undefined) plan.rules_version = version;
    else for (const field of ['rules_version', 'engine_keys']) Reflect.deleteProperty(plan, field);
  });
  return forge(edited, keys);
}

/** Every principal signs its results once more, as they were signed under the first rules. */
export function signedAsFirst(tree: MutableTree): MutableTree {
  return editLedger(tree, (entries) => {
    for (const entry of entries) {
      if (entry.type !== 'gateFinished') continue;
      const record = tree.json<AttemptRecord>(`${attemptFolder(entry.gate, entry.attempt)}/attempt.json`);
      const key = VECTOR_KEYS[record.principal as 'nina' | 'vera' | 'rex'];
      const statement = gateAttemptStatement(entry.output_sha256, {
        runId: record.run_id,
        gate: record.gate,
        attempt: record.attempt,
        principal: record.principal,
        verdict: record.verdict,
        policySha256: record.policy_sha256,
        promptSha256: record.prompt.sha256,
        renderedPromptSha256: record.tries.at(-1)?.rendered_prompt_sha256 ?? null,
      });
      entry.attestation = key.seal(statement) as Envelope & typeof entry.attestation;
    }
  });
}

/** The rules of a run are lowered, to be rid of the journal. */
export const VERSION_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ['rules: those of version 1, sealed by the engine', (tree) => lowered(tree, 1, ENGINE), 'PLAN_DIFFERS'],
    ['rules: of no version, sealed by the engine', (tree) => lowered(tree, undefined, ENGINE), 'ATTESTATION_REFUSED'],
    ['rules: those of version 0, sealed by the engine', (tree) => lowered(tree, 0, ENGINE), 'LEDGER_SHAPE'],
    ['rules: those of version 1, everybody signs it', (tree) => lowered(tree, 1, ALL_KEYS), 'PLAN_DIFFERS'],
    [
      'rules: those of version 1, all results signed as they were then',
      (tree) => lowered(signedAsFirst(tree), 1, ALL_KEYS),
      'PLAN_DIFFERS',
    ],
    ['rules: of no version, everybody signs it', (tree) => lowered(tree, undefined, ALL_KEYS), 'ATTESTATION_REFUSED'],
  ]),
];
