import type { TestResults } from '../../../src/contracts/answers/gate-outputs.js';
import { attestationPaths } from '../../../src/domain/record/published-tree.js';
import { ALL_KEYS, forge } from '../../support/forge-tree.js';
import type { Loose } from '../../support/mutable-tree.js';
import { payloadOf } from '../../support/reseal.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { conspiredFile, type GateStatement } from './conspired.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);

const results = (change: (results: Loose<TestResults>) => void): Recipe['break'] =>
  conspiredFile('evidence/test_results.json', (text) => {
    const value = JSON.parse(text) as Loose<TestResults>;
    change(value);
    return `${JSON.stringify(value, null, 2)}\n`;
  });

/** The patch, what was tested about it, and what role workers state of both. */
export const EVIDENCE_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    [
      'patch: edited, all hashes made again without keys',
      (tree) => forge(tree.replace('patch/change.patch', 'right', 'wrong')),
      'FOLD_DIFFERS',
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
      'test results: another sandbox than the record of the attempt',
      results((value) => {
        for (const check of value.checks) check.sandbox = 'bubblewrap';
      }),
      'EVIDENCE_DIFFERS',
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
      'FOLD_DIFFERS',
    ],
    [
      'findings: the SARIF log tells another story',
      conspiredFile('evidence/attempts/P07/1/findings.sarif', (text) =>
        text.replace('"level": "error"', '"level": "note"'),
      ),
      'EVIDENCE_DIFFERS',
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
