import { parse } from 'yaml';
import type { Envelope } from '../../src/contracts/keys.js';
import { policySchema } from '../../src/contracts/policy/policy.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { rulesVersionOf } from '../../src/contracts/run/rules-version.js';
import { envelopeSha256 } from '../../src/domain/attest/envelope.js';
import {
  attestationPaths,
  envelopeText,
  isAttestationFile,
  TREE_PATHS,
} from '../../src/domain/record/published-tree.js';
import { planRun } from '../../src/domain/run/plan-run.js';
import { forgeMessages } from './forge-journal.js';
import { ALL_KEYS, bundle, forge, sealWith } from './forge-tree.js';
import { filesSha256, type Loose, type MutableTree, sha256Of } from './mutable-tree.js';
import { editLedger } from './rechain.js';
import { VECTOR_KEYS, type VectorKey, type VectorKeyName, vectorKeyById } from './vector-keys.js';

/** What a run signed, by kind; the engine signs the ledger and the record. */
const SIGNED_KINDS = [
  'request',
  'decision',
  'resolution',
  'escalation',
  'cancellation',
  'result',
  'provenance',
  'test result',
  'engine',
] as const;
export type SignedKind = (typeof SIGNED_KINDS)[number];

/** Which envelopes of one holder another key signs; every other one keeps its signer. */
export interface OtherKey {
  readonly kind: SignedKind;
  readonly holder: VectorKeyName;
  readonly key: VectorKey;
}

/**
 * The tree as it would be if the run had been governed by another policy all along: the policy's digest is exchanged
 * wherever it is written, the plan is made again, and everybody signs what they signed, some of it with another key.
 */
export function underPolicy(tree: MutableTree, text: string, other: OtherKey | null = null): MutableTree {
  const moved = new Map([[sha256Of(tree.bytes(TREE_PATHS.policyYaml)), sha256Of(text)]]);
  const exchange = (source: string): string =>
    source.replaceAll(/[0-9a-f]{64}/g, (digest) => moved.get(digest) ?? digest);
  const again = (envelope: Envelope, kind: SignedKind): Envelope => {
    const signer = vectorKeyById(envelope.signatures[0]?.keyid ?? '');
    if (signer === undefined) throw new Error('signed by no key of the vectors');
    const key = other?.kind === kind && signer === VECTOR_KEYS[other.holder] ? other.key : signer;
    return key.sealBytes(exchange(Buffer.from(envelope.payload, 'base64').toString('utf8')));
  };
  tree.put(TREE_PATHS.policyYaml, text);
  const request = again(tree.envelope(attestationPaths.runRequest), 'request');
  tree.putEnvelope(attestationPaths.runRequest, request);
  // In the order of gates, so that a record's inputs were moved before it.
  for (const path of tree.paths().filter((one) => one.endsWith('/attempt.json'))) {
    const before = sha256Of(tree.bytes(path));
    const record = JSON.parse(exchange(tree.text(path))) as Loose<AttemptRecord>;
    const listed = filesSha256(tree.json<AttemptRecord>(path));
    for (const ref of record.artifacts.filter((one) => isAttestationFile(one.path))) {
      const kind = ref.path.includes('.provenance.') ? 'provenance' : 'test result';
      const bytes = tree.putEnvelope(ref.path, again(tree.envelope(ref.path), kind)).bytes(ref.path);
      Object.assign(ref, { sha256: sha256Of(bytes), bytes: bytes.byteLength });
    }
    moved.set(listed, filesSha256(record));
    moved.set(before, sha256Of(tree.putJson(path, record).bytes(path)));
  }
  for (const [from, to] of forgeMessages(tree, again)) moved.set(envelopeSha256(from), envelopeSha256(to));
  editLedger(tree, (entries) =>
    entries.map((entry) => {
      const next = JSON.parse(exchange(JSON.stringify(entry))) as Loose<LedgerEntry>;
      if ('run' in next) next.run.request_attestation_sha256 = sha256Of(envelopeText(request));
      if (next.type === 'runOpened') openAnew(next, text, request);
      signEntryAgain(next, again);
      return next;
    }),
  );
  forge(tree, ALL_KEYS);
  if (other?.kind !== 'engine') return tree;
  tree.editRecord((record) => {
    record.sealed_by = other.key.key.keyid;
  });
  return bundle(sealWith(tree, other.key));
}

function signEntryAgain(entry: Loose<LedgerEntry>, again: (envelope: Envelope, kind: SignedKind) => Envelope): void {
  const kinds = {
    decisionCounted: 'decision',
    escalationResolved: 'resolution',
    escalationOpened: 'escalation',
    cancellationCounted: 'cancellation',
  } as const;
  if (entry.type === 'gateFinished') {
    if (entry.attestation !== null) Object.assign(entry, { attestation: again(entry.attestation, 'result') });
  } else if ('envelope' in entry && entry.envelope !== null) {
    Object.assign(entry, { envelope: again(entry.envelope, kinds[entry.type]) });
  }
}

function openAnew(opening: Loose<LedgerEntry> & { type: 'runOpened' }, text: string, request: Envelope): void {
  const { plan, run } = opening;
  const made = planRun(policySchema.parse(parse(text)), {
    pack_sha256: plan.pack_sha256,
    lint_passed: plan.lint_passed,
    task_queues: plan.task_queues,
    request_signed_by: { principal: run.developer, keyid: request.signatures[0]?.keyid ?? '' },
    rules_version: rulesVersionOf(plan),
  });
  Object.assign(opening, { plan: JSON.parse(JSON.stringify(made)) });
}
