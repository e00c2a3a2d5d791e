import { runRequestStatement } from '../../../src/attestation/acts.js';
import { canonicalJson } from '../../../src/contracts/canonical-json.js';
import type { LedgerEventOf } from '../../../src/contracts/ledger.js';
import type { GovernedRunInput, RunPlan } from '../../../src/contracts/run-plan.js';
import { attestationPaths, envelopeText } from '../../../src/governance/attestation-files.js';
import { TREE_PATHS } from '../../../src/governance/published-tree.js';
import { bundleOf, edited, locked, samplePath, unlockedPack } from '../../prompt-pack/sample-pack.js';
import { ALL_KEYS, ENGINE, editLedger, forge, patchRecord, seal } from '../../support/forge-tree.js';
import { type Loose, type MutableTree, sha256Of } from '../../support/mutable-tree.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { exchanged, packLine, UNSIGNED_POLICY, vectorPack } from '../../support/vector-policies.js';
import { nth } from './ledger-recipes.js';
import { type Recipe, recipesOf } from './recipe.js';
import { editSessionText, resession } from './session-edits.js';

const OTHER = 'f'.repeat(64);
const listed = (tree: MutableTree): MutableTree => seal(patchRecord(tree));

type Opening = Loose<LedgerEventOf<'runOpened'>>;

/** The run's opening says something else; chained anew, everything made again, sealed by the engine. */
const opened =
  (change: (opening: Opening, tree: MutableTree) => void, keys = ENGINE): Recipe['break'] =>
  (tree) =>
    forge(
      editLedger(tree, (entries) => change(nth(entries, 'runOpened') as Opening, tree)),
      keys,
    );

const plan = (change: (plan: Loose<RunPlan>) => void): Recipe['break'] => opened((opening) => change(opening.plan));
const run = (change: (run: Loose<GovernedRunInput>) => void): Recipe['break'] =>
  opened((opening) => change(opening.run));

/** The run is another one, and somebody signed the request for it again. */
const requested = (change: (run: Loose<GovernedRunInput>) => void, key: VectorKey = VECTOR_KEYS.ada): Recipe['break'] =>
  opened((opening, tree) => {
    change(opening.run);
    const signedAt = '2026-02-01T00:00:00.000Z';
    const text = envelopeText(key.seal(runRequestStatement(opening.run as GovernedRunInput, signedAt)));
    tree.put(attestationPaths.runRequest, text);
    opening.run.request_attestation_sha256 = sha256Of(text);
  });

const PLAN_FIELDS: Readonly<Record<keyof RunPlan, (plan: Loose<RunPlan>) => void>> = {
  pack_sha256: (pinned) => {
    pinned.pack_sha256 = OTHER;
  },
  lint_passed: (pinned) => {
    pinned.lint_passed = !pinned.lint_passed;
  },
  principals: (pinned) => {
    pinned.principals.verifier = 'nina';
  },
  integrators: (pinned) => {
    pinned.integrators.push('ada');
  },
  known_actors: (pinned) => {
    pinned.known_actors.push('mallory');
  },
  self_approval: (pinned) => {
    pinned.self_approval = 'allowed';
  },
  separation: (pinned) => {
    pinned.separation.executors = 'any';
  },
  approvals: (pinned) => {
    pinned.approvals.P01 = 1;
  },
  waivable: (pinned) => {
    pinned.waivable.push('scope');
  },
  rework_rounds: (pinned) => {
    pinned.rework_rounds = 50;
  },
  deadlines: (pinned) => {
    pinned.deadlines.expire += 1;
  },
  authentication: (pinned) => {
    pinned.authentication = 'optional';
  },
  attestations: (pinned) => {
    pinned.attestations = 'optional';
  },
  keys: (pinned) => {
    pinned.keys.grace?.push({ ...VECTOR_KEYS.stranger.key, valid_from: null, valid_until: null, revoked_at: null });
  },
  request_signed_by: (pinned) => {
    pinned.request_signed_by = null;
  },
  gate_timeout_ms: (pinned) => {
    pinned.gate_timeout_ms += 1;
  },
  task_queues: (pinned) => {
    Object.assign(pinned, { task_queues: { writer: 'one' } });
  },
};

const RUN_FIELDS: Readonly<Record<string, (run: Loose<GovernedRunInput>) => void>> = {
  developer: (input) => {
    input.developer = 'grace';
  },
  target_repo: (input) => {
    input.target_repo = 'another';
  },
  base_commit: (input) => {
    input.base_commit = '0'.repeat(40);
  },
  gates: (input) => {
    input.gates.pop();
  },
  'request_attestation_sha256, none': (input) => {
    input.request_attestation_sha256 = null;
  },
  'request_attestation_sha256, another': (input) => {
    input.request_attestation_sha256 = OTHER;
  },
};

/** The prompt pack exchanged in the tree and in the ledger. */
const repacked =
  (text: string): Recipe['break'] =>
  (tree) => {
    tree.put(TREE_PATHS.pack, text);
    return opened((opening) => {
      opening.run.pack_object_sha256 = sha256Of(text);
    })(tree, () => tree);
  };

const OTHER_PACK = bundleOf(locked(edited(unlockedPack(), samplePath('P07'), 'Do the work', 'Skip the work')));

/** The policy exchanged in the tree, the ledger and all records, and signed by everybody again. */
const underPolicy =
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

/** By what the run is judged: policies, request, prompt pack, and what it pinned of them. */
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
    name: 'policy: swapped for a laxer one that nobody trusts',
    tree: 'straight',
    policies: ['policy'],
    code: 'POLICY_UNKNOWN',
    break: underPolicy(`${UNSIGNED_POLICY}${packLine(vectorPack())}`),
  },
  {
    name: 'policy: swapped for one with self-approval',
    tree: 'straight',
    code: 'POLICY_UNKNOWN',
    break: underPolicy(`${UNSIGNED_POLICY}self_approval: allowed\n${packLine(vectorPack())}`),
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
    break: underPolicy('name: no policy\n'),
  },
  {
    name: 'policy: none is trusted, and the one there has an agent who decides',
    tree: 'straight',
    policies: [],
    code: 'POLICY_INVALID',
    break: underPolicy(
      exchanged(`${UNSIGNED_POLICY}${packLine(vectorPack())}`, 'grace: { kind: human', 'grace: { kind: agent'),
    ),
  },
  {
    name: 'policy: none is trusted, and the one there is laxer than what was pinned',
    tree: 'straight',
    policies: [],
    code: 'REQUEST_SIGNATURE_INVALID',
    break: underPolicy(`${UNSIGNED_POLICY}${packLine(vectorPack())}`),
  },
  {
    name: "key: an integrator's was revoked before it signed",
    tree: 'straight',
    policies: ['policy', 'policy-revoked'],
    code: 'KEY_REVOKED',
    break: (tree) => tree,
  },
  {
    name: "key: an integrator's was revoked, told by the first policy",
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
    ...Object.entries(PLAN_FIELDS).map(
      ([field, change]) =>
        [
          `plan: ${field} is not what the policy says`,
          plan(change),
          field === 'task_queues' ? 'LEDGER_SHAPE' : 'PLAN_DIFFERS',
        ] as const,
    ),
    [
      'plan: the workflow of another run',
      opened((opening) => {
        opening.workflow.workflow_id = 'promptos/run/vector-another';
      }),
      'PLAN_DIFFERS',
    ],
    ...Object.entries(RUN_FIELDS).map(
      ([field, change]) => [`run: ${field} is not what was signed`, run(change), 'REQUEST_SIGNATURE_INVALID'] as const,
    ),
    [
      'run: the id of another one',
      run((input) => {
        input.run_id = 'vector-another';
      }),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'run: requested by somebody who is no principal',
      requested((input) => {
        input.developer = 'mallory';
      }),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'run: requested for somebody else',
      requested((input) => {
        input.developer = 'grace';
      }),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'run: requested with an unknown key',
      requested(() => undefined, VECTOR_KEYS.stranger),
      'REQUEST_SIGNATURE_INVALID',
    ],
    ["run: requested with the writer's key", requested(() => undefined, VECTOR_KEYS.nina), 'REQUEST_SIGNATURE_INVALID'],
    [
      'run: the request of another run',
      (tree, genuine) => {
        tree.put(attestationPaths.runRequest, genuine('reworked').bytes(attestationPaths.runRequest));
        return opened((opening) => {
          opening.run.request_attestation_sha256 = sha256Of(tree.bytes(attestationPaths.runRequest));
        })(tree, genuine);
      },
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'run: gates in another order, signed so by the developer',
      requested((input) => {
        input.gates.reverse();
      }),
      'GATES_NOT_ALLOWED',
    ],
    [
      'run: a required gate left out, signed so by the developer',
      requested((input) => {
        input.gates.shift();
      }),
      'GATES_NOT_ALLOWED',
    ],
    [
      'run: a gate that needs one left out, signed so by the developer',
      requested((input) => {
        input.gates.splice(2, 1);
      }),
      'GATES_NOT_ALLOWED',
    ],
    [
      'run: fewer gates than were walked, signed so by the developer',
      requested((input) => {
        input.gates.pop();
      }),
      'FOLD_DIFFERS',
    ],
  ]),
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
    break: (tree) => listed(tree.put(TREE_PATHS.sidecar, `${OTHER}  prompt_session.json\n`)),
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
