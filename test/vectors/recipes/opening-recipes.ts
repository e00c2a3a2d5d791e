import type { LedgerEventOf } from '../../../src/contracts/run/ledger.js';
import { RULES_VERSION } from '../../../src/contracts/run/rules-version.js';
import type { GovernedRunInput, RunPlan } from '../../../src/contracts/run/run-plan.js';
import { runRequestStatement } from '../../../src/domain/attest/acts.js';
import { attestationPaths, envelopeText } from '../../../src/domain/record/published-tree.js';
import type { VerifyCode } from '../../../src/verify/verify-codes.js';
import { ALL_KEYS, ENGINE, forge } from '../../support/forge-tree.js';
import { type Loose, type MutableTree, sha256Of } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);

type Opening = Loose<LedgerEventOf<'runOpened'>>;

/** The run's opening says something else; chained again, everything made again, sealed by the engine. */
export const opened =
  (change: (opening: Opening, tree: MutableTree) => void, keys = ENGINE): Recipe['break'] =>
  (tree) =>
    forge(
      editLedger(tree, (entries) => change(nth(entries, 'runOpened') as Opening, tree)),
      keys,
    );

const plan = (change: (plan: Loose<RunPlan>) => void): Recipe['break'] => opened((opening) => change(opening.plan));
const run = (change: (run: Loose<GovernedRunInput>) => void): Recipe['break'] =>
  opened((opening) => change(opening.run));

/** The run is another one, and its request was signed again. */
const requested = (
  change: (run: Loose<GovernedRunInput>) => void,
  key: VectorKey = VECTOR_KEYS.ada,
  keys = ENGINE,
): Recipe['break'] =>
  opened((opening, tree) => {
    change(opening.run);
    const signedAt = '2026-02-01T00:00:00.000Z';
    const text = envelopeText(key.seal(runRequestStatement(opening.run as GovernedRunInput, signedAt)));
    tree.put(attestationPaths.runRequest, text);
    opening.run.request_attestation_sha256 = sha256Of(text);
  }, keys);

const PLAN_FIELDS: Readonly<Record<keyof RunPlan, (plan: Loose<RunPlan>) => void>> = {
  rules_version: (pinned) => {
    pinned.rules_version = RULES_VERSION + 1;
  },
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
  cancellation: (pinned) => {
    pinned.cancellation = { developer: 'allowed', principals: ['nina'] };
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
  independence: (pinned) => {
    pinned.independence = { models: 'off', by: 'vendor' };
  },
  budgets: (pinned) => {
    pinned.budgets = { run: { tokens: 1 }, gates: {}, unknown: 'note' };
  },
  waiver_lifetime_ms: (pinned) => {
    pinned.waiver_lifetime_ms = 1_000;
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
  engine_keys: (pinned) => {
    pinned.engine_keys?.push({ ...VECTOR_KEYS.stranger.key, valid_from: null, valid_until: null, revoked_at: null });
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

const CODE_OF_FIELD: Readonly<Record<string, VerifyCode>> = {
  task_queues: 'LEDGER_SHAPE',
  rules_version: 'RULES_VERSION_UNKNOWN',
};

/** What the run was started with, and what it pinned of its policy, is not so. */
export const OPENING_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ...Object.entries(PLAN_FIELDS).map(
      ([field, change]) =>
        [`plan: ${field} is not what the policy says`, plan(change), CODE_OF_FIELD[field] ?? 'PLAN_DIFFERS'] as const,
    ),
    [
      "run: another PromptOS version than the pack's",
      run((input) => {
        input.prompt_os_version = 'v9.9.9';
      }),
      'PLAN_DIFFERS',
    ],
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
      'run: requested by a person who is no principal',
      requested((input) => {
        input.developer = 'mallory';
      }),
      'REQUEST_SIGNATURE_INVALID',
    ],
    [
      'run: requested for another developer',
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
      'run: fewer gates than were walked, everybody signs it',
      requested(
        (input) => {
          input.gates.pop();
        },
        VECTOR_KEYS.ada,
        ALL_KEYS,
      ),
      'FOLD_DIFFERS',
    ],
  ]),
];
