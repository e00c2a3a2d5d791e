import type { AttemptRecord } from '../../../src/contracts/attempt.js';
import type { TestResults } from '../../../src/contracts/gate-outputs.js';
import type { Envelope } from '../../../src/contracts/keys.js';
import type { GateId } from '../../../src/contracts/names.js';
import { attestationPaths } from '../../../src/governance/attestation-files.js';
import { attemptFolder } from '../../../src/governance/published-tree.js';
import { ALL_KEYS, ENGINE, editLedger, forge, payloadOf } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { nth } from './ledger-recipes.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);

/** An attempt's record says something else, and everybody with a key signs all of it again: only the rules are left. */
const conspired =
  (gate: GateId, attempt: number, change: (record: Loose<AttemptRecord>, tree: MutableTree) => void): Recipe['break'] =>
  (tree) => {
    const path = `${attemptFolder(gate, attempt)}/attempt.json`;
    const before = tree.json<AttemptRecord>(path).prompt.sha256;
    tree.editAttempt(gate, attempt, (record) => change(record, tree));
    const after = tree.json<AttemptRecord>(path).prompt.sha256;
    if (after !== before) renamePrompt(tree, gate, attempt, after);
    return forge(tree, ALL_KEYS);
  };

/** The writer's statement about a result names another prompt. */
function renamePrompt(tree: MutableTree, gate: GateId, attempt: number, promptSha256: string): void {
  editLedger(tree, (entries) => {
    for (const entry of entries) {
      if (entry.type !== 'gateFinished' || entry.gate !== gate || entry.attempt !== attempt) continue;
      const statement = payloadOf(entry.attestation as Envelope) as unknown as GateStatement;
      statement.predicate.promptSha256 = promptSha256;
      entry.attestation = VECTOR_KEYS.nina.seal(statement) as Loose<Envelope>;
    }
  });
}

/** A file of the tree changed, and everybody signs it again. */
const conspiredFile =
  (path: string, change: (text: string) => string): Recipe['break'] =>
  (tree) =>
    forge(tree.edit(path, change), ALL_KEYS);

const results = (change: (results: Loose<TestResults>) => void): Recipe['break'] =>
  conspiredFile('evidence/test_results.json', (text) => {
    const value = JSON.parse(text) as Loose<TestResults>;
    change(value);
    return `${JSON.stringify(value, null, 2)}\n`;
  });

const FIELDS: Readonly<Record<string, (record: Loose<AttemptRecord>) => void>> = {
  run_id: (record) => {
    record.run_id = 'vector-another';
  },
  gate: (record) => {
    record.gate = 'P06';
  },
  attempt: (record) => {
    record.attempt = 2;
  },
  role: (record) => {
    record.role = 'verifier';
  },
  principal: (record) => {
    record.principal = 'rex';
  },
  base_commit: (record) => {
    record.base_commit = '0'.repeat(40);
  },
  request_sha256: (record) => {
    record.request_sha256 = OTHER;
  },
  policy_sha256: (record) => {
    record.policy_sha256 = OTHER;
  },
  pack_sha256: (record) => {
    record.pack_sha256 = OTHER;
  },
  "executor's principal": (record) => {
    record.executor.principal = 'rex';
  },
  'tries, none': (record) => {
    record.tries = [];
  },
  'tries, numbered otherwise': (record) => {
    for (const one of record.tries) one.number = 2;
  },
  'tries, the one that counted had a problem': (record) => {
    for (const one of record.tries) one.problem = 'It was late.';
  },
  'tries, with another prompt': (record) => {
    for (const one of record.tries) one.rendered_prompt_sha256 = OTHER;
  },
  'verdict, against the findings': (record) => {
    record.verdict = 'fail';
  },
  reason: (record) => {
    record.reason = 'It was late.';
  },
  'findings, one more': (record) => {
    record.findings.push({ id: 'scope-1', rule: 'scope', severity: 'low', blocking: false, message: 'x' });
  },
  'inputs, one fewer': (record) => {
    delete record.inputs.P03;
  },
  'inputs, another': (record) => {
    record.inputs.P03 = OTHER;
  },
};

/** Changes the attestation of a gate's result in the ledger, by whoever holds that key and the engine's. */
const attested =
  (make: (old: Envelope, tree: MutableTree) => Envelope | null): Recipe['break'] =>
  (tree) =>
    forge(
      editLedger(tree, (entries) => {
        const entry = nth(entries, 'gateFinished', 4);
        Object.assign(entry, { attestation: make(entry.attestation as Envelope, tree) });
      }),
      ENGINE,
    );

interface GateStatement {
  subject: { digest: { sha256: string } }[];
  predicateType: string;
  predicate: Record<string, unknown>;
}

const restated = (change: (statement: GateStatement) => void, key: VectorKey = VECTOR_KEYS.nina): Recipe['break'] =>
  attested((old) => {
    const statement = payloadOf(old) as unknown as GateStatement;
    change(statement);
    return key.seal(statement);
  });

/** What was done, by whom, with what: the records of attempts, their evidence, and who signed them. */
export const ATTEMPT_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ...Object.entries(FIELDS).map(
      ([field, change]) =>
        [`attempt: ${field} flipped, everybody signs it`, conspired('P05', 1, change), 'ATTEMPT_DIFFERS'] as const,
    ),
    [
      'attempt: schema_version 2, everybody signs it',
      conspired('P05', 1, (record) => Object.assign(record, { schema_version: 2 })),
      'SHAPE_INVALID',
    ],
    [
      'attempt: edited, all hashes made again without keys',
      (tree) =>
        forge(
          tree.editAttempt('P05', 1, (record) => {
            record.executor.program = 'another';
          }),
        ),
      'ATTESTATION_REFUSED',
    ],
    [
      'attempt: edited, signed by its principal but not by those who decided on it',
      (tree) =>
        forge(
          tree.editAttempt('P05', 1, (record) => {
            record.executor.program = 'another';
          }),
          [VECTOR_KEYS.nina, VECTOR_KEYS.engine],
        ),
      'DECISION_REFUSED',
    ],
    [
      "attempt: another prompt than the pack's, everybody signs it",
      conspired('P05', 1, (record) => {
        record.prompt.sha256 = OTHER;
      }),
      'PROMPT_DIFFERS',
    ],
    [
      "attempt: another version of the prompt than the pack's",
      conspired('P05', 1, (record) => {
        record.prompt.version = '9.9.9';
      }),
      'PROMPT_DIFFERS',
    ],
    [
      'attempt: the prompt of another gate',
      conspired('P05', 1, (record, tree) => {
        record.prompt = tree.json<AttemptRecord>('evidence/attempts/P03/1/attempt.json').prompt;
      }),
      'PROMPT_DIFFERS',
    ],
    [
      'attempt: another escalation prompt',
      conspired('P05', 1, (record) => {
        record.escalation_prompt_sha256 = OTHER;
      }),
      'PROMPT_DIFFERS',
    ],
    [
      'prompt: its text edited, everybody signs it',
      conspiredFile('evidence/attempts/P05/1/try-1/prompt.md', (text) => text.replace('Do the work', 'Skip the work')),
      'RENDERED_PROMPT_DIFFERS',
    ],
    [
      'prompt: how to escalate left out, everybody signs it',
      conspiredFile('evidence/attempts/P05/1/try-1/prompt.md', (text) =>
        text.replace(/Do the work of P08[\s\S]*?\n/, ''),
      ),
      'RENDERED_PROMPT_DIFFERS',
    ],
    [
      'prompt: cut short, everybody signs it',
      conspiredFile('evidence/attempts/P05/1/try-1/prompt.md', (text) => text.slice(0, 100)),
      'RENDERED_PROMPT_DIFFERS',
    ],
    [
      'prompt: edited, all hashes made again without keys',
      (tree) => forge(tree.replace('evidence/attempts/P05/1/try-1/prompt.md', 'Do the work', 'Skip the work')),
      'ATTESTATION_REFUSED',
    ],
    [
      'patch: edited, all hashes made again without keys',
      (tree) => forge(tree.replace('patch/change.patch', 'right', 'wrong')),
      'ATTESTATION_REFUSED',
    ],
    [
      'patch: edited, everybody signs it, and the tests were about the one before',
      (tree) => {
        const tested = tree.text('evidence/test_results.json');
        const before = tree.json<TestResults>('evidence/test_results.json').patch_sha256;
        forge(tree.replace('patch/change.patch', 'right', 'r1ght'), ALL_KEYS);
        if (!tested.includes(before)) throw new Error('the test results name no patch');
        return forge(
          tree.edit('evidence/test_results.json', () => tested),
          ALL_KEYS,
        );
      },
      'EVIDENCE_OTHER_PATCH',
    ],
    [
      'test results: about another patch, everybody signs them',
      results((value) => {
        value.patch_sha256 = OTHER;
      }),
      'EVIDENCE_OTHER_PATCH',
    ],
    [
      'test results: about another base',
      results((value) => {
        value.base_commit = '0'.repeat(40);
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      "test results: another command than the policy's",
      results((value) => {
        for (const check of value.checks) check.argv = ['true'];
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: a check that the policy does not have',
      results((value) => {
        for (const check of value.checks) check.name = 'nothing';
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: passed with exit code 1',
      results((value) => {
        for (const check of value.checks) check.exit_code = 1;
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: of another log',
      results((value) => {
        for (const check of value.checks) check.stdout_sha256 = OTHER;
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: a check twice',
      results((value) => {
        value.checks.push(...structuredClone(value.checks));
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: failed, and the gate passed',
      results((value) => {
        for (const check of value.checks) Object.assign(check, { status: 'failed', exit_code: 1 });
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: no check at all, and the gate passed',
      results((value) => {
        value.checks = [];
      }),
      'EVIDENCE_DIFFERS',
    ],
    [
      'test results: edited, all hashes made again without keys',
      (tree) => forge(tree.replace('evidence/test_results.json', '"duration_ms": ', '"duration_ms": 1')),
      'ATTESTATION_REFUSED',
    ],
    [
      'findings: the SARIF log tells another story',
      conspiredFile('evidence/attempts/P07/1/findings.sarif', (text) =>
        text.replace('"level": "error"', '"level": "note"'),
      ),
      'EVIDENCE_DIFFERS',
    ],
    [
      "duties: the verifier is the writer's executor, everybody signs it",
      conspired('P06', 1, (record, tree) => {
        const writer = tree.json<AttemptRecord>('evidence/attempts/P05/1/attempt.json').executor;
        record.executor.arguments_sha256 = writer.arguments_sha256;
      }),
      'DUTIES_CLASH',
    ],
    [
      "duties: the reviewer is the verifier's executor, everybody signs it",
      conspired('P07', 1, (record, tree) => {
        record.executor.arguments_sha256 = tree.json<AttemptRecord>(
          'evidence/attempts/P06/1/attempt.json',
        ).executor.arguments_sha256;
      }),
      'DUTIES_CLASH',
    ],
    ["result: signed by another role's key", restated(() => undefined, VECTOR_KEYS.vera), 'ATTESTATION_REFUSED'],
    ['result: signed by an integrator', restated(() => undefined, VECTOR_KEYS.grace), 'ATTESTATION_REFUSED'],
    ['result: signed by the engine', restated(() => undefined, VECTOR_KEYS.engine), 'ATTESTATION_REFUSED'],
    ['result: signed by an unknown key', restated(() => undefined, VECTOR_KEYS.stranger), 'ATTESTATION_REFUSED'],
    ['result: not signed', attested(() => null), 'ATTESTATION_REFUSED'],
    [
      'result: of another run',
      restated(({ predicate }) => {
        predicate.runId = 'vector-another';
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: of another gate',
      restated(({ predicate }) => {
        predicate.gate = 'P03';
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: of another attempt',
      restated(({ predicate }) => {
        predicate.attempt = 2;
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: of another principal',
      restated(({ predicate }) => {
        predicate.principal = 'vera';
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: with another verdict',
      restated(({ predicate }) => {
        predicate.verdict = 'fail';
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: under another policy',
      restated(({ predicate }) => {
        predicate.policySha256 = OTHER;
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: about another output',
      restated(({ subject }) => {
        for (const one of subject) one.digest.sha256 = OTHER;
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: of another prompt than its record says',
      restated(({ predicate }) => {
        predicate.promptSha256 = OTHER;
      }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'result: of another rendered prompt than its record says',
      restated(({ predicate }) => {
        predicate.renderedPromptSha256 = OTHER;
      }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'result: stating more than a result does',
      restated(({ predicate }) => {
        predicate.approvedBy = 'grace';
      }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'result: a decision in its place',
      attested((_, tree) => tree.envelope(attestationPaths.decision(4))),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: that of another run, chained anew, sealed by the engine',
      (tree, genuine) =>
        forge(
          editLedger(tree, (entries) => {
            Object.assign(nth(entries, 'gateFinished', 4), {
              attestation: nth(genuine('reworked').ledger() as never, 'gateFinished', 4).attestation,
            });
          }),
          ENGINE,
        ),
      'ATTESTATION_REFUSED',
    ],
    ['provenance: signed by the verifier', provenance(() => undefined, VECTOR_KEYS.vera), 'ATTESTATION_INVALID'],
    [
      'provenance: about another patch',
      provenance(({ subject }) => {
        for (const one of subject) one.digest.sha256 = OTHER;
      }),
      'ATTESTATION_INVALID',
    ],
    [
      'provenance: of another predicate',
      provenance((statement) => {
        statement.predicateType = 'https://slsa.dev/provenance/v0.2';
      }),
      'ATTESTATION_INVALID',
    ],
    [
      'provenance: of another builder',
      provenance(({ predicate }) => {
        Object.assign(predicate.runDetails as object, { builder: { id: 'https://example.org/somebody' } });
      }),
      'ATTESTATION_INVALID',
    ],
    [
      'provenance: of another base commit',
      provenance(({ predicate }) => {
        const definition = predicate.buildDefinition as { resolvedDependencies: { digest: Record<string, string> }[] };
        for (const { digest } of definition.resolvedDependencies)
          if (digest.gitCommit) digest.gitCommit = '0'.repeat(40);
      }),
      'ATTESTATION_INVALID',
    ],
    [
      'test result: signed by the writer',
      standard(attestationPaths.testResult('P06', 1), () => undefined, VECTOR_KEYS.nina),
      'ATTESTATION_INVALID',
    ],
    [
      'test result: passed is failed',
      standard(
        attestationPaths.testResult('P06', 1),
        ({ predicate }) => {
          predicate.result = 'FAILED';
        },
        VECTOR_KEYS.vera,
      ),
      'ATTESTATION_INVALID',
    ],
    [
      'test result: about another patch',
      standard(
        attestationPaths.testResult('P06', 1),
        ({ subject }) => {
          for (const one of subject) one.digest.sha256 = OTHER;
        },
        VECTOR_KEYS.vera,
      ),
      'ATTESTATION_INVALID',
    ],
  ]),
  ...recipesOf('reworked', [
    [
      'attempt: a verdict changed in the ledger, chained anew, sealed by the engine',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            nth(entries, 'gateFinished', 5).verdict = 'pass';
          }),
          ENGINE,
        ),
      'ATTESTATION_REFUSED',
    ],
    [
      'attempt: a verdict changed everywhere, everybody signs it',
      (tree) => {
        editLedger(tree, (entries) => {
          const finished = nth(entries, 'gateFinished', 5);
          finished.verdict = 'pass';
          const statement = payloadOf(finished.attestation as Envelope) as unknown as GateStatement;
          statement.predicate.verdict = 'pass';
          finished.attestation = VECTOR_KEYS.vera.seal(statement) as Loose<Envelope>;
        });
        return forge(
          tree.editAttempt('P06', 1, (record) => {
            record.verdict = 'pass';
          }),
          ALL_KEYS,
        );
      },
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: a finding hidden from the ledger, everybody signs it',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            nth(entries, 'gateFinished', 5).findings = [];
          }),
          ALL_KEYS,
        ),
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: a finding milder in the ledger',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            for (const finding of nth(entries, 'gateFinished', 5).findings) finding.severity = 'low';
          }),
          ENGINE,
        ),
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: the first try left out, everybody signs it',
      conspired('P00', 1, (record) => {
        record.tries.shift();
      }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: more tries than the policy allows, everybody signs it',
      conspired('P00', 1, (record) => {
        const [one] = record.tries;
        if (one) record.tries.unshift(one, one);
      }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: the patch of the attempt before published, everybody signs it',
      (tree) => forge(tree.put('patch/change.patch', tree.bytes('evidence/attempts/P05/1/patch/change.patch')), ENGINE),
      'ATTESTATION_REFUSED',
    ],
  ]),
];

/** A standard attestation among an attempt's artifacts, exchanged, and everybody signs what names it. */
function standard(path: string, change: (statement: GateStatement) => void, key: VectorKey): Recipe['break'] {
  return (tree) => {
    const statement = payloadOf(tree.envelope(path)) as unknown as GateStatement;
    change(statement);
    return forge(tree.putEnvelope(path, key.seal(statement)), ALL_KEYS);
  };
}

function provenance(change: (statement: GateStatement) => void, key: VectorKey = VECTOR_KEYS.nina): Recipe['break'] {
  return standard(attestationPaths.provenance('P05', 1), change, key);
}
