import type { Envelope } from '../../../src/contracts/keys.js';
import { ledgerSealStatement, runRecordStatement } from '../../../src/domain/attest/acts.js';
import { headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { attestationPaths, TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { bundle, patchRecord, seal, sealWith } from '../../support/forge-tree.js';
import { type MutableTree, sha256Of } from '../../support/mutable-tree.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { type Recipe, recipesOf } from './recipe.js';

const { ledgerSeal, runRecord, runRequest } = attestationPaths;
const BUNDLE = attestationPaths.bundle;
const DECISION = attestationPaths.decision(4);

/** Lists the files of the tree, as the holder of the engine's key could. */
const listed = (tree: MutableTree): MutableTree => seal(patchRecord(tree));

const flipped = (envelope: Envelope): Envelope => {
  const [one] = envelope.signatures;
  const sig = Buffer.from(one?.sig ?? '', 'base64');
  sig[9] = (sig[9] ?? 0) ^ 1;
  return { ...envelope, signatures: [{ keyid: one?.keyid ?? '', sig: sig.toString('base64') }] };
};

const engineAct = (tree: MutableTree, path: string, statement: object, key: VectorKey = VECTOR_KEYS.engine) =>
  bundle(tree.putEnvelope(path, key.seal(statement)));

const lines =
  (change: (lines: string[]) => string[]): Recipe['break'] =>
  (tree) =>
    tree.edit(BUNDLE, (text) => `${change(text.trimEnd().split('\n')).join('\n')}\n`);

/** Who signed the record and the ledger, and which files are among the attestations. */
export const SIGNATURE_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ['seal: gone', (tree) => bundle(tree.remove(ledgerSeal)), 'SEAL_MISSING'],
    [
      'seal: the whole folder of attestations gone',
      (tree) => {
        for (const path of tree.paths()) if (path.startsWith('evidence/attestations/')) tree.remove(path);
        return tree;
      },
      'FILE_MISSING',
    ],
    ['seal: by the writer', (tree) => bundle(sealWith(tree, VECTOR_KEYS.nina, 'ledger')), 'SEAL_INVALID'],
    ['seal: by an integrator', (tree) => bundle(sealWith(tree, VECTOR_KEYS.grace, 'ledger')), 'SEAL_INVALID'],
    ['seal: by an unknown key', (tree) => bundle(sealWith(tree, VECTOR_KEYS.stranger, 'ledger')), 'SEAL_INVALID'],
    [
      'seal: that of another run',
      (tree, genuine) => bundle(tree.put(ledgerSeal, genuine('reworked').bytes(ledgerSeal))),
      'SEAL_INVALID',
    ],
    [
      'seal: the signature of the record in its place',
      (tree) => bundle(tree.put(ledgerSeal, tree.bytes(runRecord))),
      'SEAL_INVALID',
    ],
    [
      'seal: a bit of the signature flipped',
      (tree) => bundle(tree.putEnvelope(ledgerSeal, flipped(tree.envelope(ledgerSeal)))),
      'SEAL_INVALID',
    ],
    [
      'seal: of another number of entries',
      (tree) => {
        const head = headOf(tree.ledger());
        return engineAct(
          tree,
          ledgerSeal,
          ledgerSealStatement(sha256Of(tree.bytes(TREE_PATHS.ledger)), 'vector-straight', {
            ...head,
            entries: head.entries - 1,
          }),
        );
      },
      'SEAL_INVALID',
    ],
    [
      'seal: of another head',
      (tree) =>
        engineAct(
          tree,
          ledgerSeal,
          ledgerSealStatement(sha256Of(tree.bytes(TREE_PATHS.ledger)), 'vector-straight', {
            ...headOf(tree.ledger()),
            hash: 'f'.repeat(64),
          }),
        ),
      'SEAL_INVALID',
    ],
    [
      'seal: of another run id',
      (tree) =>
        engineAct(
          tree,
          ledgerSeal,
          ledgerSealStatement(sha256Of(tree.bytes(TREE_PATHS.ledger)), 'vector-another', headOf(tree.ledger())),
        ),
      'SEAL_INVALID',
    ],
    [
      'seal: by a key of the engine that the record does not name',
      (tree) =>
        seal(
          tree.editRecord((record) => {
            record.sealed_by = VECTOR_KEYS['engine-old'].key.keyid;
          }),
        ),
      'SEAL_INVALID',
    ],
    ['record: its signature gone', (tree) => bundle(tree.remove(runRecord)), 'RECORD_SIGNATURE_MISSING'],
    [
      'record: signed by an integrator',
      (tree) => bundle(sealWith(tree, VECTOR_KEYS.grace, 'record')),
      'RECORD_SIGNATURE_INVALID',
    ],
    [
      'record: signed by the writer',
      (tree) => bundle(sealWith(tree, VECTOR_KEYS.nina, 'record')),
      'RECORD_SIGNATURE_INVALID',
    ],
    [
      'record: signed by an unknown key',
      (tree) => bundle(sealWith(tree, VECTOR_KEYS.stranger, 'record')),
      'RECORD_SIGNATURE_INVALID',
    ],
    [
      'record: the signature of another run',
      (tree, genuine) => bundle(tree.put(runRecord, genuine('escalated').bytes(runRecord))),
      'RECORD_SIGNATURE_INVALID',
    ],
    [
      'record: signed with another outcome',
      (tree) =>
        engineAct(
          tree,
          runRecord,
          runRecordStatement(sha256Of(tree.bytes(TREE_PATHS.record)), {
            runId: 'vector-straight',
            outcome: 'rejected',
          }),
        ),
      'RECORD_SIGNATURE_INVALID',
    ],
    [
      'record: a bit of the signature flipped',
      (tree) => bundle(tree.putEnvelope(runRecord, flipped(tree.envelope(runRecord)))),
      'RECORD_SIGNATURE_INVALID',
    ],
    [
      'record: a signature on one line',
      (tree) => tree.edit(runRecord, (text) => JSON.stringify(JSON.parse(text))),
      'JSON_NOT_STRICT',
    ],
    ['bundle: gone', (tree) => tree.remove(BUNDLE), 'BUNDLE_DIFFERS'],
    ['bundle: a line dropped', lines((all) => all.slice(1)), 'BUNDLE_DIFFERS'],
    ['bundle: a line twice', lines((all) => [...all, ...all.slice(-1)]), 'BUNDLE_DIFFERS'],
    ['bundle: in another order', lines((all) => all.reverse()), 'BUNDLE_DIFFERS'],
    [
      'bundle: a line of another run',
      (tree, genuine) => tree.edit(BUNDLE, (text) => text + (genuine('rejected').text(BUNDLE).split('\n')[0] ?? '')),
      'BUNDLE_DIFFERS',
    ],
    [
      'bundle: that of another run',
      (tree, genuine) => tree.put(BUNDLE, genuine('rejected').bytes(BUNDLE)),
      'BUNDLE_DIFFERS',
    ],
    ['bundle: spaces in a line', (tree) => tree.replace(BUNDLE, '","', '", "'), 'BUNDLE_DIFFERS'],
    [
      'bundle: out of step with a seal that was made again',
      (tree) =>
        sealWith(
          tree.edit(BUNDLE, (text) => text.replace(/^.*\n/, '')),
          VECTOR_KEYS.engine,
        ),
      'BUNDLE_DIFFERS',
    ],
    ['attestation: a decision file gone, the list too', (tree) => listed(tree.remove(DECISION)), 'ATTESTATION_MISSING'],
    [
      "attestation: a result's file gone, the list too",
      (tree) => listed(tree.remove(attestationPaths.gateAttempt('P05', 1))),
      'ATTESTATION_MISSING',
    ],
    [
      'attestation: the provenance gone, the list too',
      (tree) => listed(tree.remove(attestationPaths.provenance('P05', 1))),
      'ATTESTATION_MISSING',
    ],
    ["attestation: the request's file gone, the list too", (tree) => listed(tree.remove(runRequest)), 'FILE_MISSING'],
    [
      'attestation: one more decision, listed',
      (tree) => listed(tree.put(attestationPaths.decision(99), tree.bytes(DECISION))),
      'ATTESTATION_UNEXPECTED',
    ],
    [
      'attestation: one of another run, listed',
      (tree, genuine) =>
        listed(
          tree.put(
            attestationPaths.gateAttempt('P05', 2),
            genuine('reworked').bytes(attestationPaths.gateAttempt('P05', 2)),
          ),
        ),
      'ATTESTATION_UNEXPECTED',
    ],
    [
      'attestation: two decision files exchanged, listed so',
      (tree) => listed(tree.swap(attestationPaths.decision(9), attestationPaths.decision(10))),
      'ATTESTATION_DIFFERS',
    ],
    [
      'attestation: a decision file of another run, listed so',
      (tree, genuine) => listed(tree.put(DECISION, genuine('rejected').bytes(DECISION))),
      'ATTESTATION_DIFFERS',
    ],
    [
      'attestation: a decision file signed by another, listed so',
      (tree) =>
        listed(
          tree.putEnvelope(
            DECISION,
            VECTOR_KEYS.ivan.sealBytes(Buffer.from(tree.envelope(DECISION).payload, 'base64').toString('utf8')),
          ),
        ),
      'ATTESTATION_DIFFERS',
    ],
    [
      'attestation: two decision files exchanged',
      (tree) => tree.swap(attestationPaths.decision(9), attestationPaths.decision(10)),
      'DIGEST_MISMATCH',
    ],
  ]),
  ...recipesOf('rotated', [
    [
      "seal: by the engine's key that was revoked before",
      (tree) =>
        bundle(
          sealWith(
            tree.editRecord((record) => {
              record.sealed_by = VECTOR_KEYS['engine-old'].key.keyid;
            }),
            VECTOR_KEYS['engine-old'],
          ),
        ),
      'KEY_REVOKED',
    ],
    [
      "record: signed by the engine's key that was revoked before",
      (tree) => bundle(sealWith(tree, VECTOR_KEYS['engine-old'], 'record')),
      'KEY_REVOKED',
    ],
  ]),
  ...recipesOf('unsigned', [
    ['bundle: an empty one in an unsigned tree', (tree) => tree.put(BUNDLE, ''), 'BUNDLE_DIFFERS'],
    [
      'seal: the record signed by the writer in an unsigned tree',
      (tree) => bundle(sealWith(tree, VECTOR_KEYS.nina)),
      'SEAL_INVALID',
    ],
  ]),
];
