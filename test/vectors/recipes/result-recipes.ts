import type { Envelope } from '../../../src/contracts/keys.js';
import { attestationPaths } from '../../../src/governance/attestation-files.js';
import { ENGINE, editLedger, forge, payloadOf } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import type { GateStatement } from './conspired.js';
import { nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);

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

const restated = (change: (statement: GateStatement) => void, key: VectorKey = VECTOR_KEYS.nina): Recipe['break'] =>
  attested((old) => {
    const statement = payloadOf(old) as unknown as GateStatement;
    change(statement);
    return key.seal(statement);
  });

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
  ]),
];
