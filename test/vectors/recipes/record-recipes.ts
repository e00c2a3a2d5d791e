import type { RunRecord } from '../../../src/contracts/record/run-record.js';
import { attestationPaths } from '../../../src/domain/record/published-tree.js';
import { NOTHING_SPENT } from '../../../src/rules/attempts/spent.js';
import type { VerifyCode } from '../../../src/verify/verify-codes.js';
import { ENGINE, forge, rebuildDocuments, seal } from '../../support/forge-tree.js';
import type { Loose } from '../../support/mutable-tree.js';
import { type Recipe, recipesOf } from './recipe.js';

type Flip = readonly [change: (record: Loose<RunRecord>) => void, code: VerifyCode];

const OTHER = 'f'.repeat(64);

/** Records that differ from the fold. */
function differs(make: (record: Loose<RunRecord>) => Partial<Loose<RunRecord>>): Flip {
  return [(record) => Object.assign(record, make(record)), 'RECORD_DIFFERS'];
}

/** What was waived is left out: the person who merges would not see it. */
function hideWaivers(record: Loose<RunRecord>): void {
  delete record.waivers;
}

const INVENTED_WAIVER: Loose<NonNullable<RunRecord['waivers']>[number]> = {
  escalation_id: 'E1',
  gate: 'P05',
  attempt: 1,
  waived_at: '2026-02-01T00:00:00.000Z',
  waived_by: 'grace',
  signed_by: null,
  reason: 'none',
  expires_at: null,
  findings: [{ id: 'scope-1', rule: 'scope', severity: 'high', blocking: true, message: 'm' }],
  standing: 'passed',
};

/** Each field of the record says something else, in a shape that is right. */
const FLIPS: Readonly<Record<keyof RunRecord, Flip>> = {
  schema_version: [(record) => Object.assign(record, { schema_version: 2 }), 'SHAPE_INVALID'],
  run_id: differs(() => ({ run_id: 'vector-another' })),
  outcome: differs(() => ({ outcome: 'rejected' })),
  outcome_reason: differs(() => ({ outcome_reason: 'every gate passed with praise' })),
  started_at: differs(() => ({ started_at: '2026-02-01T00:00:00.000Z' })),
  finished_at: differs(() => ({ finished_at: '2027-02-01T00:00:00.000Z' })),
  target_repo: differs(() => ({ target_repo: 'another' })),
  base_commit: differs(() => ({ base_commit: '0'.repeat(40) })),
  developer: differs(() => ({ developer: 'grace' })),
  promptos: differs(({ promptos }) => ({ promptos: { ...promptos, version: 'v9.9.9' } })),
  policy: differs(({ policy }) => ({ policy: { ...policy, self_approval: 'allowed' } })),
  request_sha256: differs(() => ({ request_sha256: OTHER })),
  request_signed_by: differs(() => ({ request_signed_by: null })),
  workflow: differs(({ workflow }) => ({ workflow: { ...workflow, namespace: 'elsewhere' } })),
  authentication: differs(() => ({ authentication: 'mixed' })),
  attestations: differs(() => ({ attestations: 'optional' })),
  sealed_by: [(record) => Object.assign(record, { sealed_by: null }), 'SEAL_INVALID'],
  roles: differs(({ roles }) => ({ roles: { ...roles, integrator: roles.integrator.slice(1) } })),
  gates: differs(({ gates }) => ({ gates: gates.slice(1) })),
  escalations: differs(({ escalations }) => ({ escalations: escalations.slice(1) })),
  cancellation: differs(({ finished_at }) => ({
    cancellation: { at: finished_at, through: 'temporal', by: null, reason: 'enough', signed_by: null },
  })),
  sandbox: differs(() => ({ sandbox: { P05: 'bubblewrap', checks: 'bubblewrap' } })),
  independence: differs(() => ({ independence: { models: 'require', by: 'vendor', comparisons: [] } })),
  budgets: differs(() => ({
    budgets: { limits: { gates: {}, unknown: 'note' as const }, gates: {}, run: { ...NOTHING_SPENT, attempts: 0 } },
  })),
  waivers: [hideWaivers, 'RECORD_DIFFERS'],
  refusals: differs(({ refusals }) => ({ refusals: refusals.slice(1) })),
  refusals_counted: differs(() => ({ refusals_counted: { MALFORMED: 3 } })),
  artifacts: differs(({ artifacts }) => ({ artifacts: artifacts.toReversed() })),
  ledger: [(record) => Object.assign(record.ledger, { head: OTHER }), 'LEDGER_HEAD_DIFFERS'],
  governance: [(record) => Object.assign(record.governance, { prompt_chain_hash: OTHER }), 'SESSION_OTHER_RUN'],
};

/** The run in which the field says something. */
const treeOf = (field: string): Recipe['tree'] =>
  field === 'escalations' || field === 'waivers' ? 'escalated' : field === 'refusals' ? 'reworked' : 'straight';

const attemptOf = (record: Loose<RunRecord>, gate: string) => {
  const attempt = record.gates.find((one) => one.gate === gate)?.attempts[0];
  if (attempt === undefined) throw new Error(`the record has no attempt of ${gate}`);
  return attempt;
};

/** Inside a gate's attempt, where a reader looks first. */
const ATTEMPT_FLIPS: Readonly<Record<string, (record: Loose<RunRecord>) => void>> = {
  'a voided attempt counts': (record) => {
    attemptOf(record, 'P05').standing = 'passed';
  },
  'a failed verdict is a pass': (record) => {
    attemptOf(record, 'P06').verdict = 'pass';
  },
  'the findings of an attempt are gone': (record) => {
    attemptOf(record, 'P07').findings = [];
  },
  'another principal did the gate': (record) => {
    attemptOf(record, 'P06').principal = 'nina';
  },
  'another key signed the result': (record) => {
    attemptOf(record, 'P06').signed_by = attemptOf(record, 'P05').signed_by;
  },
  'another prompt was used': (record) => {
    Object.assign(attemptOf(record, 'P05').prompt ?? {}, { sha256: OTHER });
  },
  'another prompt was rendered': (record) => {
    for (const one of attemptOf(record, 'P05').tries) one.rendered_prompt_sha256 = OTHER;
  },
  'another model was served': (record) => {
    Object.assign(attemptOf(record, 'P05').executor ?? {}, { served_model: 'better' });
  },
  'a try that failed is left out': (record) => {
    attemptOf(record, 'P00').tries.shift();
  },
  'a decision is left out': (record) => {
    attemptOf(record, 'P01').decisions.pop();
  },
  'a decision came from another person': (record) => {
    for (const one of attemptOf(record, 'P00').decisions) one.decision.actor = 'ivan';
  },
  'a finding was waived': (record) => {
    attemptOf(record, 'P06').waived = ['checks-1'];
  },
};

const insider =
  (change: (record: Loose<RunRecord>) => void): Recipe['break'] =>
  (tree) =>
    seal(tree.editRecord(change));

/** The record says something that is not so. */
export const RECORD_RECIPES: readonly Recipe[] = [
  ...Object.entries(FLIPS).map(([field, [change, code]]) => ({
    name: `record: ${field} flipped, signed by the engine`,
    tree: treeOf(field),
    break: insider(change),
    code,
  })),
  ...Object.entries(ATTEMPT_FLIPS).map(([what, change]) => ({
    name: `record: ${what}, signed by the engine`,
    tree: 'reworked' as const,
    break: insider(change),
    code: 'RECORD_DIFFERS' as const,
  })),
  ...recipesOf('straight', [
    [
      'record: the outcome flipped without keys',
      (tree) =>
        tree.editRecord((record) => {
          record.outcome = 'aborted';
        }),
      'RECORD_DIFFERS',
    ],
    [
      'record: an artifact listed twice',
      insider((record) => {
        record.artifacts.push(...record.artifacts.slice(-1));
      }),
      'ARTIFACTS_DIFFER',
    ],
    [
      'record: another media type',
      insider((record) => {
        for (const ref of record.artifacts) if (ref.path === 'review.md') ref.media_type = 'text/html';
      }),
      'ARTIFACTS_DIFFER',
    ],
    [
      'record: another size',
      insider((record) => {
        for (const ref of record.artifacts) if (ref.path === 'review.md') ref.bytes += 1;
      }),
      'DIGEST_MISMATCH',
    ],
    [
      'record: a waiver that no integrator gave',
      insider((record) => {
        record.waivers = [INVENTED_WAIVER];
      }),
      'RECORD_DIFFERS',
    ],
    [
      'record: an entry of the ledger more',
      insider((record) => {
        record.ledger.entries += 1;
      }),
      'LEDGER_HEAD_DIFFERS',
    ],
  ]),
  ...recipesOf('escalated', [
    [
      'record: a waiver expires at another time',
      insider((record) => {
        for (const waiver of record.waivers ?? []) waiver.expires_at = '2099-01-01T00:00:00.000Z';
      }),
      'RECORD_DIFFERS',
    ],
    [
      'record: a waiver is of another finding',
      insider((record) => {
        for (const { findings } of record.waivers ?? []) for (const one of findings) one.message = 'a spelling mistake';
      }),
      'RECORD_DIFFERS',
    ],
    [
      'record: another person waived',
      insider((record) => {
        for (const waiver of record.waivers ?? []) waiver.waived_by = 'ivan';
      }),
      'RECORD_DIFFERS',
    ],
  ]),
  ...recipesOf('unsigned', [
    [
      'unsigned: developer flipped in the record',
      (tree) =>
        tree.editRecord((record) => {
          record.developer = 'grace';
        }),
      'RECORD_DIFFERS',
    ],
    [
      'unsigned: says that it was signed',
      (tree) =>
        tree.editRecord((record) => {
          record.authentication = 'signed';
        }),
      'RECORD_DIFFERS',
    ],
    [
      'unsigned: says that the engine sealed it',
      (tree, genuine) =>
        tree.editRecord((record) => {
          record.sealed_by = genuine('straight').record().sealed_by;
        }),
      'SEAL_MISSING',
    ],
    [
      'unsigned: with the seals of another run',
      (tree, genuine) => {
        const other = genuine('straight');
        for (const path of [attestationPaths.ledgerSeal, attestationPaths.runRecord, attestationPaths.bundle])
          tree.put(path, other.bytes(path));
        return tree;
      },
      'SEAL_INVALID',
    ],
  ]),
  ...recipesOf('rejected', [
    [
      'record: everything made again from a ledger that says approved',
      (tree) => {
        const entries = tree
          .ledger()
          .map((entry) => (entry.type === 'runClosed' ? { ...entry, outcome: 'approved' as const } : entry));
        return forge(tree.putLedger(entries), ENGINE);
      },
      'LEDGER_BROKEN',
    ],
    [
      'record: an approved one beside a ledger that rejects',
      (tree) =>
        seal(
          rebuildDocuments(tree).editRecord((record) => {
            record.outcome = 'approved';
          }),
        ),
      'RECORD_DIFFERS',
    ],
  ]),
];
