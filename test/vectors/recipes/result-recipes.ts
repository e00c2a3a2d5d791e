import type { Envelope } from '../../../src/contracts/keys.js';
import { PREDICATES } from '../../../src/domain/attest/statement.js';
import { attestationPaths } from '../../../src/domain/record/published-tree.js';
import { ALL_KEYS, ENGINE, forge } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { payloadOf } from '../../support/reseal.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { type GateStatement, restateResult } from './conspired.js';
import { type Entries, nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);

/** Changes the attestation of a gate's result in the ledger, and everybody signs again what follows from that. */
const attested =
  (make: (old: Envelope, tree: MutableTree) => Envelope | null): Recipe['break'] =>
  (tree) =>
    forge(
      editLedger(tree, (entries) => {
        const entry = nth(entries, 'gateFinished', 4);
        Object.assign(entry, { attestation: make(entry.attestation as Envelope, tree) });
      }),
      ALL_KEYS,
    );

const restated = (
  change: (statement: GateStatement, tree: MutableTree) => void,
  key: VectorKey = VECTOR_KEYS.nina,
): Recipe['break'] =>
  attested((old, tree) => {
    const statement = payloadOf(old) as unknown as GateStatement;
    change(statement, tree);
    return key.seal(statement);
  });

/** The principal signed another value, or none; the ledger says what it said. */
const said = (field: string, value: unknown): Recipe['break'] =>
  restated(({ predicate }) => {
    if (value === undefined) Reflect.deleteProperty(predicate, field);
    else predicate[field] = value;
  });

const seen = (change: (head: { entries: number; hash: string }) => void): Recipe['break'] =>
  restated(({ predicate }) => change(predicate.ledger as { entries: number; hash: string }));

/** The ledger says what the principal signed; the attempt's record does not. */
const agreed =
  (values: Readonly<Record<string, unknown>>): Recipe['break'] =>
  (tree) =>
    forge(
      restateResult(tree, 4, VECTOR_KEYS.nina, (predicate) => Object.assign(predicate, values)),
      ALL_KEYS,
    );

/** As results were signed before their outcome was part of the statement. */
function firstVersion(statement: GateStatement): void {
  const { runId, gate, attempt, principal, verdict, policySha256, promptSha256, renderedPromptSha256 } =
    statement.predicate;
  statement.predicateType = PREDICATES.gateAttempt;
  statement.predicate = {
    runId,
    gate,
    attempt,
    principal,
    verdict,
    policySha256,
    promptSha256,
    renderedPromptSha256,
  };
}

const ESCALATION = {
  trigger: 'executor',
  issue: 'Which rounding is meant?',
  impact: 'A guess could be wrong by a cent.',
  context: '',
  options: ['down', 'half up'],
  recommendation: 'down',
  securitySensitive: false,
};

/** Who signed a gate's result, and what they signed. */
export const RESULT_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
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
      'FOLD_DIFFERS',
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
      'FOLD_DIFFERS',
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
    ['result: a statement of rules version 1', restated(firstVersion), 'ATTESTATION_REFUSED'],
    ['result: another nonce', said('nonce', OTHER), 'ATTESTATION_REFUSED'],
    [
      'result: the nonce of the attempt before it',
      restated((statement, tree) => {
        statement.predicate.nonce = nth(tree.ledger() as Entries, 'gateStarted', 3).hash;
      }),
      'ATTESTATION_REFUSED',
    ],
    ['result: without a nonce', said('nonce', undefined), 'ATTESTATION_REFUSED'],
    ['result: other feedback than it was given', said('feedbackSha256', OTHER), 'ATTESTATION_REFUSED'],
    ['result: other files than its record has', said('artifactsSha256', OTHER), 'ATTEMPT_DIFFERS'],
    ['result: no head of a ledger', said('ledger', null), 'ATTESTATION_REFUSED'],
    [
      'result: a head that says more than a head does',
      seen((head) => Object.assign(head, { gate: 'P05' })),
      'ATTESTATION_REFUSED',
    ],
    ['result: over another ledger', seen((head) => Object.assign(head, { hash: OTHER })), 'ATTESTATION_REFUSED'],
    [
      'result: over a ledger with another number of entries',
      seen((head) => {
        head.entries += 1;
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: over the ledger before the attempt was started',
      restated(({ predicate }, tree) => {
        const [first] = tree.ledger();
        predicate.ledger = { entries: 1, hash: first?.hash };
      }),
      'ATTESTATION_REFUSED',
    ],
    ['result: without the number of findings left out', said('findingsOmitted', undefined), 'ATTESTATION_REFUSED'],
    ['result: a finding of another shape', said('findings', [{ id: 'x' }]), 'ATTESTATION_REFUSED'],
    [
      'result: about two outputs',
      restated(({ subject }) => {
        subject.push(...structuredClone(subject));
      }),
      'ATTESTATION_REFUSED',
    ],
    ['result: another reason than the ledger says', said('reason', 'It was late.'), 'FOLD_DIFFERS'],
    ['result: findings left out that the ledger does not know of', said('findingsOmitted', 3), 'FOLD_DIFFERS'],
    ['result: an escalation that the ledger does not know of', said('escalation', ESCALATION), 'FOLD_DIFFERS'],
    [
      'result: another reason than its record says, in the ledger too',
      agreed({ reason: 'It was late.' }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'result: findings left out that its record does not have, in the ledger too',
      agreed({ findingsOmitted: 2 }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'result: blocking findings left out, and yet it passed',
      agreed({ findingsOmitted: 1, blockingOmitted: 1 }),
      'ATTEMPT_DIFFERS',
    ],
    [
      'result: a decision in its place',
      attested((_, tree) => tree.envelope(attestationPaths.decision(4))),
      'ATTESTATION_REFUSED',
    ],
    [
      'result: that of another run, chained again, sealed by the engine',
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
  ]),
  ...recipesOf('escalated', [
    [
      'result: its escalation withdrawn, signed so by its principal',
      (tree) =>
        forge(
          restateResult(tree, 1, VECTOR_KEYS.nina, (predicate) => {
            predicate.escalation = null;
          }),
          ALL_KEYS,
        ),
      'FOLD_DIFFERS',
    ],
    [
      'result: another issue escalated than the ledger says',
      (tree) =>
        forge(
          restateResult(tree, 1, VECTOR_KEYS.nina, (predicate) => {
            Object.assign(predicate.escalation as object, { issue: 'Nothing to speak of.' });
          }),
          ALL_KEYS,
        ),
      'FOLD_DIFFERS',
    ],
  ]),
];
