import type { GateId } from '../../../src/contracts/names.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import { ALL_KEYS, ENGINE, forge } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { underPolicy } from '../../support/under-policy.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { exchanged, packLine, SIGNED_POLICY, vectorPack } from '../../support/vector-policies.js';
import { conspired, conspiredFile, restateResult } from './conspired.js';
import { nth, without } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);

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

/** A finding of no rule: whether it blocks and how severe it is decide what the ledger must say of it. */
const finding = (id: string, more: Partial<Finding> = {}): Finding => ({
  ...{ id, rule: 'plan', severity: 'low', blocking: false, message: 'It was late.' },
  ...more,
});

/** The record of a finding more than there was, of which the ledger says something else; everybody signs both. */
const reported =
  (of: ReportedResult, recorded: readonly Finding[], said: Readonly<Record<string, unknown>>): Recipe['break'] =>
  (tree) => {
    restateResult(tree, of.number, of.key, (predicate) => Object.assign(predicate, said));
    return forge(
      tree.editAttempt(of.gate, 1, (record) => {
        record.findings.push(...recorded.map((one) => ({ ...one })));
      }),
      ALL_KEYS,
    );
  };

/** A result by its place among those of the run. */
interface ReportedResult {
  readonly gate: GateId;
  readonly number: number;
  readonly key: VectorKey;
}
const BUILD: ReportedResult = { gate: 'P05', number: 4, key: VECTOR_KEYS.nina };
/** In the reworked run it failed. */
const VERIFICATION: ReportedResult = { gate: 'P06', number: 5, key: VECTOR_KEYS.vera };

/** The signed policy with one try for each attempt; in the run, one attempt took two. */
const ONE_TRY = `${exchanged(SIGNED_POLICY, 'output_tries: 2', 'output_tries: 1')}${packLine(vectorPack())}`;

/** Fields that decide which paths a record may name. */
const OF_ITS_GATE = new Set(['gate', 'attempt']);

/** What was done, by whom and with what: the records of attempts and the prompts of executors. */
export const ATTEMPT_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ...Object.entries(FIELDS).map(
      ([field, change]) =>
        [
          `attempt: ${field} flipped, everybody signs it`,
          conspired('P05', 1, change),
          OF_ITS_GATE.has(field) ? 'PATH_NOT_ALLOWED' : 'ATTEMPT_DIFFERS',
        ] as const,
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
      'FOLD_DIFFERS',
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
      'findings: a severe one left out of the ledger and not counted there, everybody signs it',
      reported(BUILD, [finding('plan-1', { severity: 'high' })], { findingsOmitted: 1 }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'findings: two of one id, of which the ledger has the milder, everybody signs it',
      reported(BUILD, [finding('plan-1', { severity: 'high' }), finding('plan-1')], { findings: [finding('plan-1')] }),
      'ATTEMPT_DIFFERS',
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
      'FOLD_DIFFERS',
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
  ]),
  ...recipesOf('reworked', [
    [
      'attempt: a verdict changed in the ledger, chained again, sealed by the engine',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            nth(entries, 'gateFinished', 5).verdict = 'pass';
          }),
          ENGINE,
        ),
      'FOLD_DIFFERS',
    ],
    [
      'attempt: a verdict changed everywhere, everybody signs it, and a refusal in the journal says otherwise',
      (tree) => passed(tree),
      'FOLD_DIFFERS',
    ],
    [
      'attempt: a verdict changed everywhere, everybody signs it, and no refusal is recorded',
      (tree) => passed(editLedger(tree, (entries) => without(entries, nth(entries, 'refused', 2)))),
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: a finding hidden from the ledger, everybody signs it',
      (tree) =>
        forge(
          restateResult(tree, 5, VECTOR_KEYS.vera, (said) => {
            said.findings = [];
          }),
          ALL_KEYS,
        ),
      'ATTEMPT_DIFFERS',
    ],
    [
      'attempt: a finding milder in the ledger, sealed by the engine',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            for (const finding of nth(entries, 'gateFinished', 5).findings) finding.severity = 'low';
          }),
          ENGINE,
        ),
      'FOLD_DIFFERS',
    ],
    [
      'attempt: a finding milder in the ledger, everybody signs it',
      (tree) =>
        forge(
          restateResult(tree, 5, VECTOR_KEYS.vera, (said) => {
            for (const finding of said.findings as { severity: string }[]) finding.severity = 'low';
          }),
          ALL_KEYS,
        ),
      'ATTEMPT_DIFFERS',
    ],
    [
      'findings: a blocking one left out of the ledger and not counted there, everybody signs it',
      reported(VERIFICATION, [finding('plan-1', { blocking: true })], { findingsOmitted: 1 }),
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
      'attempt: the patch of the attempt before published, sealed by the engine',
      (tree) => forge(tree.put('patch/change.patch', tree.bytes('evidence/attempts/P05/1/patch/change.patch')), ENGINE),
      'FOLD_DIFFERS',
    ],
  ]),
  {
    name: 'attempt: two tries, each well recorded, under a policy that allows one',
    tree: 'reworked',
    policyTexts: [ONE_TRY],
    code: 'ATTEMPT_DIFFERS',
    break: (tree) => underPolicy(tree, ONE_TRY),
  },
];

/** The first tests passed, says everybody. */
function passed(tree: MutableTree): MutableTree {
  restateResult(tree, 5, VECTOR_KEYS.vera, (said) => {
    said.verdict = 'pass';
  });
  return forge(
    tree.editAttempt('P06', 1, (record) => {
      record.verdict = 'pass';
    }),
    ALL_KEYS,
  );
}
