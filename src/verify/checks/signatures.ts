import { testResultsSchema } from '../../contracts/answers/gate-outputs.js';
import { own } from '../../contracts/json.js';
import { type Envelope, envelopeSchema, type PinnedKey } from '../../contracts/keys.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { counted } from '../../contracts/sentences.js';
import { ledgerSealStatement, runRecordStatement } from '../../domain/attest/acts.js';
import { authorshipStatement } from '../../domain/attest/authorship.js';
import { keyidOf, openEnvelope } from '../../domain/attest/envelope.js';
import { provenanceStatement, SLSA_PROVENANCE, testResultStatement } from '../../domain/attest/predicates.js';
import { readStatement } from '../../domain/attest/statement.js';
import { isValidAt, pinKey } from '../../domain/judge/authenticate.js';
import { headOf } from '../../domain/ledger/ledger-chain.js';
import { attestationPaths, bundleText, isAttestationFile, TREE_PATHS } from '../../domain/record/published-tree.js';
import { scopesThatHold } from '../../rules/outputs/gate-outputs.js';
import { inputsOf } from '../attempt-inputs.js';
import type { TreeDocuments, VerifiedAttempt } from '../open-documents.js';
import { expectEqual, type VerifyCode, VerifyFailure } from '../verify-codes.js';

/** An envelope of the tree, and the ledger's time at which it was taken. */
interface Signed {
  readonly envelope: Envelope;
  readonly at: string;
  readonly path: string;
}

/** What a policy handed in says of a key's end counts for every envelope of the tree, whenever the policy was written. */
export async function checkRevocations(documents: TreeDocuments): Promise<void> {
  const revoked = revocations(documents);
  if (revoked.size === 0) return;
  for await (const { envelope, at, path } of everyEnvelope(documents)) {
    const keyid = keyidOf(envelope);
    const since = keyid === null ? undefined : revoked.get(keyid);
    if (since === undefined || Date.parse(at) < Date.parse(since)) continue;
    throw new VerifyFailure('KEY_REVOKED', path, `a signature before ${since}`, `${keyid} at ${at}`);
  }
}

/** Those of the ledger at the time of their entries, then those of the folder. */
async function* everyEnvelope(documents: TreeDocuments): AsyncGenerator<Signed, void, undefined> {
  const entries = await documents.ledger();
  for (const [index, entry] of entries.entries()) {
    const envelope = entry.type === 'gateFinished' ? entry.attestation : 'envelope' in entry ? entry.envelope : null;
    if (envelope !== null) yield { envelope, at: entry.at, path: `${TREE_PATHS.ledger}:${index + 1}` };
  }
  const taken = await takenAt(documents);
  const closed = (await documents.closed()).closing.at;
  for (const path of [...(await documents.entries()).keys()].filter(isAttestationFile)) {
    // What nothing accounts for was there when the run closed, at the latest.
    yield { envelope: await documents.json(path, envelopeSchema), at: taken.get(path) ?? closed, path };
  }
}

/** The ledger's time for the envelopes that were taken before the run closed, by path; attempts that were voided too. */
async function takenAt(documents: TreeDocuments): Promise<ReadonlyMap<string, string>> {
  const entries = await documents.ledger();
  const opening = await documents.opening();
  const taken = new Map([[attestationPaths.runRequest as string, opening.at]]);
  for (const entry of entries) {
    if (entry.type === 'gateFinished') {
      const { gate, attempt, at } = entry;
      taken.set(attestationPaths.gateAttempt(gate, attempt), at);
      taken.set(attestationPaths.provenance(gate, attempt), at);
      taken.set(attestationPaths.testResult(gate, attempt), at);
    } else if ('envelope' in entry) taken.set(attestationPaths.decision(entry.seq), entry.at);
  }
  return taken;
}

/** The earliest instant from which any policy handed in calls a key revoked, by key. */
function revocations({ trust }: TreeDocuments): ReadonlyMap<string, string> {
  const earliest = new Map<string, string>();
  for (const { policy } of trust.policies) {
    const keys = [...Object.values(policy.principals).flatMap((principal) => principal.keys), ...policy.engine.keys];
    for (const { keyid, revoked_at } of keys.map(pinKey)) {
      if (revoked_at === null) continue;
      const known = earliest.get(keyid);
      if (known === undefined || Date.parse(revoked_at) < Date.parse(known)) earliest.set(keyid, revoked_at);
    }
  }
  return earliest;
}

const envelopeAt = ({ json }: TreeDocuments, path: string): Promise<Envelope> => json(path, envelopeSchema);

/** The payload of an envelope that one of the keys signed at a time at which it counted. */
function openAt(envelope: Envelope, keys: readonly PinnedKey[], at: string, code: VerifyCode, path: string): unknown {
  const opened = openEnvelope(
    envelope,
    keys.filter((key) => isValidAt(key, at)),
  );
  if (opened.ok) return opened.payload;
  throw new VerifyFailure(
    code,
    path,
    `a signature by one of ${counted(keys.length, 'key')}, valid at ${at}`,
    `${opened.problem}: ${opened.detail}`,
  );
}

/** The standard attestations of P05 and P06: signed by the principal, about the patch, and nothing that is not so. */
export async function checkStandardAttestations(documents: TreeDocuments): Promise<void> {
  const opening = await documents.opening();
  if (opening.type === 'openingFailed') return;
  for (const attempt of await documents.attempts()) {
    const { gate, attempt: number, principal, finished_at } = attempt.history;
    const keys = own(opening.plan.keys, principal) ?? [];
    const at = finished_at ?? opening.at;
    for (const ref of attempt.record.artifacts.filter(({ path }) => isAttestationFile(path))) {
      const inFolder = `${attempt.folder}/${ref.path}`;
      const path = (await documents.has(inFolder)) ? inFolder : ref.path;
      const payload = openAt(await envelopeAt(documents, path), keys, at, 'ATTESTATION_INVALID', path);
      if (ref.path === attestationPaths.provenance(gate, number))
        await checkProvenance(documents, attempt, payload, path);
      else if (ref.path === attestationPaths.testResult(gate, number)) {
        await checkTestResult(documents, attempt, opening.run.target_repo, payload, path);
      } else {
        throw new VerifyFailure(
          'ATTESTATION_UNEXPECTED',
          path,
          'a provenance or a test result of its own attempt',
          ref.path,
        );
      }
    }
  }
}

/** Everything that a provenance says follows from the attempt's record, but for the worker's own times. */
async function checkProvenance(
  documents: TreeDocuments,
  attempt: VerifiedAttempt,
  payload: unknown,
  path: string,
): Promise<void> {
  const { record, folder } = attempt;
  const { run } = await documents.opening();
  const inputs = await inputsOf(documents, attempt);
  const patch = record.artifacts.find((ref) => ref.path === TREE_PATHS.patch);
  const { startedOn, finishedOn } = statedTimes(payload);
  const expected =
    patch === undefined || inputs === null
      ? null
      : provenanceStatement({
          patch,
          // As the record was before this attestation joined it.
          record: { ...record, artifacts: record.artifacts.filter((ref) => !isAttestationFile(ref.path)) },
          targetRepo: run.target_repo,
          packObjectSha256: run.pack_object_sha256,
          scopes: scopesThatHold(inputs.request, inputs.job),
          folder,
          startedOn,
          finishedOn,
        });
  expectEqual('ATTESTATION_INVALID', path, expected, payload);
}

/** The worker's times, which no other clock knows: instants, the first not after the second. */
function statedTimes(payload: unknown): { readonly startedOn: string; readonly finishedOn: string } {
  const stated = readStatement(payload, SLSA_PROVENANCE)?.predicate as
    | { readonly runDetails?: { readonly metadata?: Readonly<Record<string, unknown>> } }
    | undefined;
  const { startedOn, finishedOn } = stated?.runDetails?.metadata ?? {};
  const [started, finished] = [Date.parse(String(startedOn)), Date.parse(String(finishedOn))];
  return started <= finished
    ? { startedOn: String(startedOn), finishedOn: String(finishedOn) }
    : { startedOn: 'an instant', finishedOn: 'one not before it' };
}

async function checkTestResult(
  documents: TreeDocuments,
  { record, folder }: VerifiedAttempt,
  targetRepo: string,
  payload: unknown,
  path: string,
): Promise<void> {
  const inFolder = `${folder}/${TREE_PATHS.testResults}`;
  const results = await documents.json(
    (await documents.has(inFolder)) ? inFolder : TREE_PATHS.testResults,
    testResultsSchema,
  );
  expectEqual('ATTESTATION_INVALID', path, testResultStatement({ record, targetRepo, results }), payload);
}

/** The engine's key sealed the ledger's head and number of entries, so that a tail that was dropped shows. */
export async function checkSeal(documents: TreeDocuments): Promise<readonly string[]> {
  const entries = await documents.ledger();
  const { run } = await documents.opening();
  const expected = ledgerSealStatement(await documents.ledgerSha256(), run.run_id, headOf(entries));
  return checkEngineAct(documents, attestationPaths.ledgerSeal, expected, {
    missing: 'SEAL_MISSING',
    invalid: 'SEAL_INVALID',
    unsigned: 'unsealed: no key of the engine vouches for the ledger, so a rewritten one would go unnoticed',
  });
}

export async function checkRecordSignature(documents: TreeDocuments): Promise<readonly string[]> {
  const { opening, closing } = await documents.closed();
  const about = { runId: opening.run.run_id, outcome: closing.outcome };
  const expected = runRecordStatement(await documents.recordSha256(), about);
  const remarks = await checkEngineAct(documents, attestationPaths.runRecord, expected, {
    missing: 'RECORD_SIGNATURE_MISSING',
    invalid: 'RECORD_SIGNATURE_INVALID',
    unsigned: 'unsigned: no key of the engine vouches for the record',
  });
  await checkAuthorship(documents);
  return remarks;
}

/** What the engine says of the patch's origin follows from the record. Trees of before do not say it. */
async function checkAuthorship(documents: TreeDocuments): Promise<void> {
  const path = attestationPaths.authorship;
  if (!(await documents.has(path))) return;
  const attempts = await documents.attempts();
  const records = new Map(attempts.map(({ sha256, record }) => [sha256, record]));
  const expected = authorshipStatement(await documents.record(), await documents.recordSha256(), records);
  const keys = ((await documents.policy())?.engine.keys ?? []).map(pinKey);
  const { at } = (await documents.closed()).closing;
  const payload = openAt(await envelopeAt(documents, path), keys, at, 'ATTESTATION_INVALID', path);
  expectEqual('ATTESTATION_INVALID', path, expected, payload);
}

async function checkEngineAct(
  documents: TreeDocuments,
  path: string,
  expected: object,
  codes: { readonly missing: VerifyCode; readonly invalid: VerifyCode; readonly unsigned: string },
): Promise<readonly string[]> {
  const { sealed_by } = await documents.record();
  if (!(await documents.has(path))) {
    const required = await requiresSeal(documents);
    if (!required && sealed_by === null) return [codes.unsigned];
    const why = required ? 'the policy requires it' : `the record names ${sealed_by}`;
    throw new VerifyFailure(codes.missing, path, `a signature of the engine: ${why}`, 'nothing');
  }
  const envelope = await envelopeAt(documents, path);
  const policy = await documents.policy();
  const keys = (policy?.engine.keys ?? []).map(pinKey);
  const payload = openAt(envelope, keys, (await documents.closed()).closing.at, codes.invalid, path);
  expectEqual(codes.invalid, path, expected, payload);
  expectEqual(codes.invalid, path, { sealed_by }, { sealed_by: keyidOf(envelope) });
  return [];
}

/**
 * Whether a tree must be sealed is decided by the policy that the verifier was handed, never by the tree: a run that says
 * of itself that it never opened must be sealed too, and so must one of a policy that is none of them, if any asks it.
 */
async function requiresSeal({ opening, policy, trust }: TreeDocuments): Promise<boolean> {
  const { policy_sha256 } = (await opening()).run;
  const asks = ({ attestations }: Policy): boolean => attestations === 'required';
  const own = trust.policies.filter(({ sha256 }) => sha256 === policy_sha256);
  const measure = own.length > 0 ? own : trust.policies;
  if (measure.length > 0) return measure.some((one) => asks(one.policy));
  const ofTree = await policy();
  return ofTree !== null && asks(ofTree);
}

export async function checkBundle(documents: TreeDocuments): Promise<void> {
  const paths = [...(await documents.entries()).keys()].filter(isAttestationFile);
  const path = attestationPaths.bundle;
  const there = await documents.has(path);
  if (paths.length === 0 && !there) return;
  const files: { path: string; envelope: Envelope }[] = [];
  for (const file of paths) files.push({ path: file, envelope: await envelopeAt(documents, file) });
  const expected = new TextEncoder().encode(bundleText(files));
  const found = there ? await documents.bytes(path) : new Uint8Array();
  if (there && paths.length > 0 && Buffer.compare(expected, found) === 0) return;
  throw new VerifyFailure(
    'BUNDLE_DIFFERS',
    path,
    `the ${counted(files.length, 'envelope')} of the folder, one a line`,
    there ? `${found.byteLength} other bytes` : 'nothing',
  );
}
