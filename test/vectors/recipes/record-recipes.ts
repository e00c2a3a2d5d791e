import type { RunRecord } from '../../../src/contracts/run-record.js';
import { attestationPaths } from '../../../src/governance/attestation-files.js';
import { type PromptSessionFields, promptSessionSidecar } from '../../../src/governance/prompt-session.js';
import { TREE_PATHS } from '../../../src/governance/published-tree.js';
import type { VerifyCode } from '../../../src/verify/index.js';
import { ENGINE, forge, patchRecord, rebuildDocuments, seal } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { type Recipe, recipesOf } from './recipe.js';
import { editSessionText, resession } from './session-edits.js';

type Flip = readonly [change: (record: Loose<RunRecord>) => void, code: VerifyCode];

const OTHER = 'f'.repeat(64);

/** Each field of the record says something else, in a shape that is right. */
const FLIPS: Readonly<Record<keyof RunRecord, Flip>> = {
  schema_version: [(record) => Object.assign(record, { schema_version: 2 }), 'SHAPE_INVALID'],
  run_id: [
    (record) => {
      record.run_id = 'vector-another';
    },
    'RECORD_DIFFERS',
  ],
  outcome: [
    (record) => {
      record.outcome = 'rejected';
    },
    'RECORD_DIFFERS',
  ],
  outcome_reason: [
    (record) => {
      record.outcome_reason = 'every gate passed with praise';
    },
    'RECORD_DIFFERS',
  ],
  started_at: [
    (record) => {
      record.started_at = '2026-02-01T00:00:00.000Z';
    },
    'RECORD_DIFFERS',
  ],
  finished_at: [
    (record) => {
      record.finished_at = '2027-02-01T00:00:00.000Z';
    },
    'RECORD_DIFFERS',
  ],
  target_repo: [
    (record) => {
      record.target_repo = 'another';
    },
    'RECORD_DIFFERS',
  ],
  base_commit: [
    (record) => {
      record.base_commit = '0'.repeat(40);
    },
    'RECORD_DIFFERS',
  ],
  developer: [
    (record) => {
      record.developer = 'grace';
    },
    'RECORD_DIFFERS',
  ],
  promptos: [
    (record) => {
      record.promptos.version = 'v9.9.9';
    },
    'RECORD_DIFFERS',
  ],
  policy: [
    (record) => {
      record.policy.self_approval = 'allowed';
    },
    'RECORD_DIFFERS',
  ],
  request_sha256: [
    (record) => {
      record.request_sha256 = OTHER;
    },
    'RECORD_DIFFERS',
  ],
  request_signed_by: [
    (record) => {
      record.request_signed_by = null;
    },
    'RECORD_DIFFERS',
  ],
  workflow: [
    (record) => {
      record.workflow.namespace = 'elsewhere';
    },
    'RECORD_DIFFERS',
  ],
  authentication: [
    (record) => {
      record.authentication = 'mixed';
    },
    'RECORD_DIFFERS',
  ],
  attestations: [
    (record) => {
      record.attestations = 'optional';
    },
    'RECORD_DIFFERS',
  ],
  sealed_by: [
    (record) => {
      record.sealed_by = null;
    },
    'SEAL_INVALID',
  ],
  roles: [
    (record) => {
      record.roles.integrator.pop();
    },
    'RECORD_DIFFERS',
  ],
  gates: [
    (record) => {
      record.gates.pop();
    },
    'RECORD_DIFFERS',
  ],
  escalations: [
    (record) => {
      record.escalations.pop();
    },
    'RECORD_DIFFERS',
  ],
  refusals: [
    (record) => {
      record.refusals.pop();
    },
    'RECORD_DIFFERS',
  ],
  refusals_counted: [
    (record) => {
      record.refusals_counted.MALFORMED = 3;
    },
    'RECORD_DIFFERS',
  ],
  artifacts: [
    (record) => {
      record.artifacts.reverse();
    },
    'RECORD_DIFFERS',
  ],
  ledger: [
    (record) => {
      record.ledger.head = OTHER;
    },
    'LEDGER_HEAD_DIFFERS',
  ],
  governance: [
    (record) => {
      record.governance.prompt_chain_hash = OTHER;
    },
    'SESSION_OTHER_RUN',
  ],
};

/** The run in which the field says something. */
const treeOf = (field: string): Recipe['tree'] =>
  field === 'escalations' ? 'escalated' : field === 'refusals' ? 'reworked' : 'straight';

const attemptOf = (record: Loose<RunRecord>, gate: string) => {
  const attempt = record.gates.find((one) => one.gate === gate)?.attempts[0];
  if (attempt === undefined) throw new Error(`the record has no attempt of ${gate}`);
  return attempt;
};

/** Inside a gate's attempt, where a reader looks first. */
const ATTEMPT_FLIPS: Readonly<Record<string, (record: Loose<RunRecord>) => void>> = {
  'an attempt that was voided stands': (record) => {
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
  'a decision came from somebody else': (record) => {
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

const SESSION_FLIPS: Readonly<Record<string, (session: Loose<PromptSessionFields>) => void>> = {
  timestamp_utc: (session) => {
    session.timestamp_utc = '2026-02-01T00:00:00Z';
  },
  prompt_os_version: (session) => {
    session.prompt_os_version = 'v9.9.9';
  },
  'prompts_used, one fewer': (session) => {
    session.prompts_used.pop();
  },
  'prompts_used, in another order': (session) => {
    session.prompts_used.reverse();
  },
  developer: (session) => {
    session.developer = 'grace';
  },
  target_repo: (session) => {
    session.target_repo = 'another';
  },
  notes: (session) => {
    session.notes = 'approved by telephone';
  },
  lint_passed: (session) => {
    session.lint_passed = !session.lint_passed;
  },
  pas: (session) => {
    session.pas = { stack_id: 's', stack_version: '1', compiled_hash: OTHER };
  },
};

/** The record and the prompt session say something that is not so. */
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
      'record: an entry of the ledger more',
      insider((record) => {
        record.ledger.entries += 1;
      }),
      'LEDGER_HEAD_DIFFERS',
    ],
    ...Object.entries(SESSION_FLIPS).map(
      ([field, change]) =>
        [
          `session: ${field} flipped, hashes made again, signed by the engine`,
          (tree: MutableTree) => resession(tree, change),
          'SESSION_OTHER_RUN',
        ] as const,
    ),
    [
      'session: developer flipped and nothing made again',
      (tree) =>
        tree.editSession((session) => {
          session.developer = 'grace';
        }),
      'DIGEST_MISMATCH',
    ],
    [
      'session: the sidecar and the record regenerated without keys',
      (tree) =>
        resession(
          tree,
          (session) => {
            session.developer = 'grace';
          },
          [],
        ),
      'SESSION_OTHER_RUN',
    ],
    [
      'session: artifact_hash of something else',
      (tree) => editSessionText(tree, (text) => text.replace(/("artifact_hash": ")[0-9a-f]{64}/, `$1${OTHER}`)),
      'SESSION_HASH_INVALID',
    ],
    [
      'session: chain_hash of something else',
      (tree) => editSessionText(tree, (text) => text.replace(/("chain_hash": ")[0-9a-f]{64}/, `$1${OTHER}`)),
      'SESSION_HASH_INVALID',
    ],
    [
      'session: a field more',
      (tree) => editSessionText(tree, (text) => text.replace('"notes"', '"approved": true,\n  "notes"')),
      'SHAPE_INVALID',
    ],
    [
      'session: fields in another order',
      (tree) =>
        editSessionText(tree, (text) => text.replace(/( {2}"developer": .*\n)( {2}"target_repo": .*\n)/, '$2$1')),
      'JSON_NOT_STRICT',
    ],
    [
      'session: a key twice',
      (tree) => editSessionText(tree, (text) => text.replace('"developer":', '"developer": "grace",\n  "developer":')),
      'JSON_NOT_STRICT',
    ],
    ['session: a byte order mark', (tree) => editSessionText(tree, (text) => `\ufeff${text}`), 'JSON_MALFORMED'],
    [
      'session: that of another run',
      (tree, genuine) => {
        const other = genuine('reworked');
        for (const path of [TREE_PATHS.session, TREE_PATHS.sidecar]) tree.put(path, other.bytes(path));
        tree.editRecord((record) => {
          record.governance = other.record().governance;
        });
        return seal(patchRecord(tree));
      },
      'SESSION_OTHER_RUN',
    ],
    [
      'sidecar: another digest',
      (tree) => seal(patchRecord(tree.put(TREE_PATHS.sidecar, promptSessionSidecar(OTHER)))),
      'SIDECAR_DIFFERS',
    ],
    [
      'sidecar: another file',
      (tree) =>
        seal(patchRecord(tree.replace(TREE_PATHS.sidecar, 'prompt_session.json', 'evidence/prompt_session.json'))),
      'SIDECAR_DIFFERS',
    ],
    ['sidecar: CRLF', (tree) => seal(patchRecord(tree.replace(TREE_PATHS.sidecar, '\n', '\r\n'))), 'SIDECAR_DIFFERS'],
    [
      'sidecar: a second line',
      (tree) => seal(patchRecord(tree.edit(TREE_PATHS.sidecar, (text) => text + text))),
      'SIDECAR_DIFFERS',
    ],
  ]),
  ...recipesOf('escalated', [
    [
      'escalation file: another resolution, listed so by the engine',
      (tree) =>
        seal(
          patchRecord(
            tree.editJson<{ resolution: { resolution: { choice: string } } }>(
              'evidence/escalations/E1.json',
              ({ resolution }) => {
                resolution.resolution.choice = 'continue';
              },
            ),
          ),
        ),
      'ESCALATION_DIFFERS',
    ],
    [
      'escalation file: another report, listed so by the engine',
      (tree) =>
        seal(
          patchRecord(
            tree.editJson<{ report: { issue: string } }>('evidence/escalations/E2.json', ({ report }) => {
              report.issue = 'Nothing.';
            }),
          ),
        ),
      'ESCALATION_DIFFERS',
    ],
    [
      'escalation file: gone, the list too',
      (tree) => seal(patchRecord(tree.remove('evidence/escalations/E1.json'))),
      'FILE_MISSING',
    ],
    [
      'escalation file: one that was never raised',
      (tree) => seal(patchRecord(tree.put('evidence/escalations/E3.json', tree.bytes('evidence/escalations/E2.json')))),
      'ARTIFACTS_DIFFER',
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
