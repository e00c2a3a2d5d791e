import { canonicalJson } from '../../../src/contracts/json.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { bundleOf, edited, locked, samplePath, unlockedPack } from '../../prompt-pack/sample-pack.js';
import { ALL_KEYS, forge, patchRecord, seal } from '../../support/forge-tree.js';
import { type MutableTree, sha256Of } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { exchanged, packLine, UNSIGNED_POLICY, vectorPack } from '../../support/vector-policies.js';
import { opened } from './opening-recipes.js';
import { type Recipe, recipesOf } from './recipe.js';

const listed = (tree: MutableTree): MutableTree => seal(patchRecord(tree));

/** The prompt pack exchanged in the tree and in the ledger. */
export const repacked =
  (text: string): Recipe['break'] =>
  (tree) => {
    tree.put(TREE_PATHS.pack, text);
    return opened((opening) => {
      opening.run.pack_object_sha256 = sha256Of(text);
    })(tree, () => tree);
  };

const OTHER_PACK = bundleOf(locked(edited(unlockedPack(), samplePath('P07'), 'Do the work', 'Skip the work')));

/** The policy exchanged in the tree, the ledger and all records, and signed by everybody again. */
export const underOtherPolicy =
  (text: string): Recipe['break'] =>
  (tree) => {
    const before = sha256Of(tree.bytes(TREE_PATHS.policyYaml));
    const after = sha256Of(text);
    tree.put(TREE_PATHS.policyYaml, text);
    for (const path of tree.paths())
      if (path.endsWith('attempt.json')) tree.put(path, tree.text(path).replaceAll(before, after));
    return forge(
      editLedger(tree, (entries) => JSON.parse(JSON.stringify(entries).replaceAll(before, after)) as typeof entries),
      ALL_KEYS,
    );
  };

/** By what the run is judged: policies, keys that were revoked, the request and the prompt pack. */
export const POLICY_RECIPES: readonly Recipe[] = [
  {
    name: 'policy: another one is trusted',
    tree: 'straight',
    policies: ['policy-unsigned'],
    code: 'POLICY_UNKNOWN',
    break: (tree) => tree,
  },
  {
    name: 'policy: only a later one with a revoked key is trusted',
    tree: 'straight',
    policies: ['policy-revoked'],
    code: 'POLICY_UNKNOWN',
    break: (tree) => tree,
  },
  {
    name: 'policy: swapped for a laxer one that is not trusted',
    tree: 'straight',
    policies: ['policy'],
    code: 'POLICY_UNKNOWN',
    break: underOtherPolicy(`${UNSIGNED_POLICY}${packLine(vectorPack())}`),
  },
  {
    name: 'policy: swapped for one with self-approval',
    tree: 'straight',
    code: 'POLICY_UNKNOWN',
    break: underOtherPolicy(`${UNSIGNED_POLICY}self_approval: allowed\n${packLine(vectorPack())}`),
  },
  {
    name: 'policy: swapped for a laxer one, and its digest left',
    tree: 'straight',
    code: 'POLICY_DIFFERS',
    break: (tree) => listed(tree.put(TREE_PATHS.policyYaml, `${UNSIGNED_POLICY}${packLine(vectorPack())}`)),
  },
  {
    name: 'policy: a comment more',
    tree: 'straight',
    code: 'POLICY_DIFFERS',
    break: (tree) => listed(tree.edit(TREE_PATHS.policyYaml, (text) => `${text}# approved\n`)),
  },
  {
    name: 'policy: none is trusted, and the one there is none',
    tree: 'straight',
    policies: [],
    code: 'POLICY_INVALID',
    break: underOtherPolicy('name: no policy\n'),
  },
  {
    name: 'policy: none is trusted, and the one there has an agent who decides',
    tree: 'straight',
    policies: [],
    code: 'POLICY_INVALID',
    break: underOtherPolicy(
      exchanged(`${UNSIGNED_POLICY}${packLine(vectorPack())}`, 'grace: { kind: human', 'grace: { kind: agent'),
    ),
  },
  {
    name: 'policy: none is trusted, and the one there is laxer than what was pinned',
    tree: 'straight',
    policies: [],
    code: 'REQUEST_SIGNATURE_INVALID',
    break: underOtherPolicy(`${UNSIGNED_POLICY}${packLine(vectorPack())}`),
  },
  {
    name: "key: an integrator's was revoked before it signed",
    tree: 'straight',
    policies: ['policy', 'policy-revoked'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  {
    name: "key: an integrator's was revoked, according to the first policy",
    tree: 'straight',
    policies: ['policy-revoked', 'policy'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  {
    name: "key: an integrator's was revoked, who resolved an escalation",
    tree: 'escalated',
    policies: ['policy', 'policy-revoked'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  {
    name: "key: the developer's was revoked",
    tree: 'cancelled',
    policies: ['policy', 'ada revoked'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  {
    name: "key: the writer's was revoked",
    tree: 'cancelled',
    policies: ['policy', 'nina revoked'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  {
    name: "key: the engine's was revoked",
    tree: 'cancelled',
    policies: ['policy', 'engine revoked'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  ...recipesOf('straight', [
    [
      'request: edited',
      (tree) => listed(tree.replace(TREE_PATHS.request, 'The tests pass.', 'No tests needed.')),
      'REQUEST_DIFFERS',
    ],
    [
      'request: that of another run',
      (tree) =>
        listed(
          tree.edit(TREE_PATHS.request, (text) => canonicalJson({ ...(JSON.parse(text) as object), notes: 'another' })),
        ),
      'REQUEST_DIFFERS',
    ],
    [
      'request: edited, its digest in the ledger too',
      (tree) => {
        tree.replace(TREE_PATHS.request, 'The tests pass.', 'No tests needed.');
        return opened((opening) => {
          opening.run.request_sha256 = sha256Of(tree.bytes(TREE_PATHS.request));
        })(tree, () => tree);
      },
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'request: written another way, its digest in the ledger too',
      (tree) => {
        tree.edit(TREE_PATHS.request, (text) => JSON.stringify(JSON.parse(text), null, 2));
        return opened((opening) => {
          opening.run.request_sha256 = sha256Of(tree.bytes(TREE_PATHS.request));
        })(tree, () => tree);
      },
      'JSON_NOT_STRICT',
    ],
    [
      'pack: a prompt edited',
      (tree) => listed(tree.replace(TREE_PATHS.pack, 'Do the work of P07', 'Skip the work of P07')),
      'PACK_DIFFERS',
    ],
    [
      'pack: a prompt edited, its digest in the ledger too',
      (tree) =>
        repacked(tree.text(TREE_PATHS.pack).replace('Do the work of P07', 'Skip the work of P07'))(tree, () => tree),
      'PACK_INVALID',
    ],
    ['pack: another one that fits together', repacked(canonicalJson(OTHER_PACK)), 'PACK_NOT_TRUSTED'],
    [
      'pack: another one under the digest of the trusted one',
      repacked(canonicalJson({ ...OTHER_PACK, digest: vectorPack().digest })),
      'PACK_INVALID',
    ],
  ]),
];
