import { PromptOsError } from '../../contracts/errors.js';
import { readJsonAs } from '../../contracts/json.js';
import { type Envelope, envelopeSchema } from '../../contracts/keys.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { ledgerSealStatement, runRecordStatement } from '../../domain/attest/acts.js';
import type { ClosedLedger } from '../../domain/ledger/closed-ledger.js';
import { headOf } from '../../domain/ledger/ledger-chain.js';
import { signedActs } from '../../domain/ledger/signed-acts.js';
import { attestationPaths, bundleText, envelopeText, isAttestationFile } from '../../domain/record/published-tree.js';
import type { ArtifactStore, VerifyTree } from '../../ports/index.js';
import type { Signer } from '../../ports/signer.js';
import { signStatement } from './attest-attempt.js';

/** Puts a text of the tree into the store. */
export type PutText = (path: string, text: string) => Promise<ArtifactRef>;

/**
 * The envelopes that people and role workers signed, as files of the tree: the request's, and those in the ledger.
 * Those among an attempt's own artifacts are not included.
 * @throws PromptOsError RECORD_INVALID, OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function putSignedActs(
  store: ArtifactStore,
  put: PutText,
  ledger: ClosedLedger,
): Promise<readonly ArtifactRef[]> {
  const request = await readRequestEnvelope(store, ledger);
  const acts = [
    ...(request === null ? [] : [{ path: attestationPaths.runRequest, envelope: request }]),
    ...signedActs(ledger.entries),
  ];
  return Promise.all(acts.map(({ path, envelope }) => put(path, envelopeText(envelope))));
}

async function readRequestEnvelope(store: ArtifactStore, { opening }: ClosedLedger): Promise<Envelope | null> {
  // Runs that were started before requests could be signed have no such field.
  const sha256 = opening.run.request_attestation_sha256 ?? null;
  if (sha256 === null) return null;
  const refused = opening.type === 'openingFailed';
  if (refused && !(await store.hasObject(sha256))) return null;
  const envelope = readJsonAs(envelopeSchema, await store.readObject(sha256));
  if (envelope === null && !refused) {
    throw new PromptOsError('RECORD_INVALID', 'The stored attestation of the request is no DSSE envelope.');
  }
  return envelope;
}

export interface SealInput {
  readonly readObject: ArtifactStore['readObject'];
  readonly put: PutText;
  readonly closed: ClosedLedger;
  /** Every file that the record lists. */
  readonly artifacts: readonly ArtifactRef[];
  readonly record: ArtifactRef;
  readonly ledger: ArtifactRef;
  /** Who and what the patch comes from; null without a patch. */
  readonly authorship: object | null;
  /** Null: the record and the ledger stay unsigned, and the record says so. */
  readonly signer: Signer | null;
}

export interface SealedTree {
  readonly files: readonly ArtifactRef[];
  /** The engine's signature over the record; null where it is not signed. */
  readonly recordSignature: Envelope | null;
}

/**
 * What closes the folder of attestations: the engine's signatures over record and ledger, and the bundle of all. A tree
 * in which nothing was signed has none of them.
 * @throws PromptOsError RECORD_INVALID for an artifact there that is no envelope, and what the signer throws
 */
export async function sealTree(input: SealInput): Promise<SealedTree> {
  const { readObject, put, closed, artifacts, record, ledger, authorship, signer } = input;
  const envelopes = await Promise.all(
    artifacts
      .filter(({ path }) => isAttestationFile(path))
      .map(async ({ path, sha256 }) => {
        const envelope = readJsonAs(envelopeSchema, await readObject(sha256));
        if (envelope === null) throw new PromptOsError('RECORD_INVALID', `${path} is no DSSE envelope.`);
        return { path, envelope };
      }),
  );
  const runId = closed.opening.run.run_id;
  const { outcome } = closed.closing;
  const statements: readonly (readonly [string, object])[] = [
    [attestationPaths.runRecord, runRecordStatement(record.sha256, { runId, outcome })],
    [attestationPaths.ledgerSeal, ledgerSealStatement(ledger.sha256, runId, headOf(closed.entries))],
    ...(authorship === null ? [] : [[attestationPaths.authorship, authorship] as const]),
  ];
  const seals: ArtifactRef[] = [];
  let recordSignature: Envelope | null = null;
  if (signer !== null) {
    for (const [path, statement] of statements) {
      const envelope = await signStatement(statement, signer);
      if (path === attestationPaths.runRecord) recordSignature = envelope;
      envelopes.push({ path, envelope });
      seals.push(await put(path, envelopeText(envelope)));
    }
  }
  if (envelopes.length === 0) return { files: seals, recordSignature };
  const bundle = await put(attestationPaths.bundle, bundleText(envelopes));
  return { files: [...seals, bundle], recordSignature };
}

/**
 * The engine vouches for nothing that a verifier would refuse.
 * @throws PromptOsError LEDGER_BROKEN, RECORD_INVALID
 */
export async function refuseUnverified(verifyTree: VerifyTree, tree: Parameters<VerifyTree>[0]): Promise<void> {
  const problems = await verifyTree(tree);
  const [first] = problems;
  if (first === undefined) return;
  const all = problems.map(({ code, message }) => `${code}: ${message}`).join('; ');
  throw new PromptOsError(
    first.code.startsWith('LEDGER') ? 'LEDGER_BROKEN' : 'RECORD_INVALID',
    `The record of ${tree.runId} would not verify, so it is neither signed nor published: ${all.slice(0, 2_000)}.`,
  );
}
