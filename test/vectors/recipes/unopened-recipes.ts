import type { GovernedRunInput } from '../../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../../src/domain/attest/acts.js';
import { attestationPaths, envelopeText, TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { bundle, ENGINE, forge, rebuildDocuments, sealWith } from '../../support/forge-tree.js';
import { type Loose, type MutableTree, sha256Of } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { underPolicy } from '../../support/under-policy.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { LONG_BEFORE } from '../../support/vector-policies.js';
import { policyWithSecondKey } from './key-window-recipes.js';
import { nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const { ledgerSeal, runRecord, runRequest } = attestationPaths;

/** Everything that the engine signed is gone, and the record says that no key vouches for it. */
function unsealed(tree: MutableTree): MutableTree {
  for (const path of [ledgerSeal, runRecord, attestationPaths.bundle]) tree.remove(path);
  tree.editRecord((record) => {
    record.sealed_by = null;
  });
  return tree.has(runRequest) ? bundle(tree) : tree;
}

/** The run is another one, made up without any key: no signature is left. */
function madeUp(tree: MutableTree, change: (run: Loose<GovernedRunInput>) => void = () => undefined): MutableTree {
  unsealed(tree);
  tree.remove(runRequest).remove(attestationPaths.bundle);
  editLedger(tree, (entries) => {
    const { run } = nth(entries, 'openingFailed');
    run.request_attestation_sha256 = null;
    change(run);
  });
  return rebuildDocuments(tree);
}

/** The engine sealed it, but another key signed the request, or the request is for another run. */
const requested =
  (change: (run: Loose<GovernedRunInput>) => void, key: VectorKey): Recipe['break'] =>
  (tree) => {
    editLedger(tree, (entries) => {
      const { run } = nth(entries, 'openingFailed');
      change(run);
      const text = envelopeText(key.seal(runRequestStatement(run as GovernedRunInput, '2026-02-01T00:00:00.000Z')));
      tree.put(runRequest, text);
      run.request_attestation_sha256 = sha256Of(text);
    });
    return forge(tree, ENGINE);
  };

const ENDED = policyWithSecondKey('ada', `, valid_until: ${LONG_BEFORE}`);

/** Runs that say of themselves that they never opened, under a policy that asks for signatures. */
export const UNOPENED_RECIPES: readonly Recipe[] = [
  ...recipesOf('unopened', [
    ['made up without any key', (tree) => madeUp(tree), 'REQUEST_SIGNATURE_INVALID'],
    [
      "made up without any key, in an integrator's name",
      (tree) =>
        madeUp(tree, (run) => {
          run.developer = 'grace';
        }),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'made up without any key, in the name of a stranger',
      (tree) =>
        madeUp(tree, (run) => {
          run.developer = 'mallory';
        }),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'made up without any key, without the policy in the tree',
      (tree) => rebuildDocuments(madeUp(tree).remove(TREE_PATHS.policyYaml)),
      'REQUEST_SIGNATURE_INVALID',
    ],
    ['a genuine request, and no seal', unsealed, 'SEAL_MISSING'],
    ['the seal gone', (tree) => bundle(tree.remove(ledgerSeal)), 'SEAL_MISSING'],
    ['the signature of the record gone', (tree) => bundle(tree.remove(runRecord)), 'RECORD_SIGNATURE_MISSING'],
    ['sealed by the writer', (tree) => bundle(sealWith(tree, VECTOR_KEYS.nina)), 'SEAL_INVALID'],
    ['sealed by an unknown key', (tree) => bundle(sealWith(tree, VECTOR_KEYS.stranger)), 'SEAL_INVALID'],
    ['requested by an unknown key', requested(() => undefined, VECTOR_KEYS.stranger), 'REQUEST_SIGNATURE_INVALID'],
    ['requested by an integrator', requested(() => undefined, VECTOR_KEYS.grace), 'REQUEST_SIGNATURE_INVALID'],
    [
      'requested by the developer for another developer',
      requested((run) => {
        run.developer = 'ivan';
      }, VECTOR_KEYS.ada),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'of another repository than the one that was signed for',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            nth(entries, 'openingFailed').run.target_repo = 'billing';
          }),
          ENGINE,
        ),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      "the request's file gone, the list too",
      (tree) => forge(tree.remove(runRequest), ENGINE),
      'REQUEST_SIGNATURE_INVALID',
    ],
  ]),
  {
    name: 'made up without any key, under a policy that is not handed in',
    tree: 'unopened',
    policies: ['policy-rotated'],
    code: 'POLICY_UNKNOWN',
    break: (tree) => madeUp(tree),
  },
  {
    name: "requested with the developer's key that had ended",
    tree: 'unopened',
    policyTexts: [ENDED],
    code: 'REQUEST_SIGNATURE_INVALID',
    break: (tree) => underPolicy(tree, ENDED, { kind: 'request', holder: 'ada', key: VECTOR_KEYS.stranger }),
  },
];
