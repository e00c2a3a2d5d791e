import { z } from 'zod';
import { mediaTypeOf } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { type Envelope, envelopeSchema } from '../../contracts/keys.js';
import { ESCALATION_GATE } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { type PromptSession, promptSessionSchema } from '../../contracts/record/prompt-session.js';
import { headOf } from '../../domain/ledger/ledger-chain.js';
import { signedActs } from '../../domain/ledger/signed-acts.js';
import {
  buildPromptSession,
  checkPromptSession,
  promptSessionSidecar,
  promptSessionText,
  sessionOfRun,
} from '../../domain/record/prompt-session.js';
import {
  attemptFiles,
  attestationPaths,
  envelopeText,
  escalationPath,
  interruptionFiles,
  isAttestationFile,
  orderedTree,
  TREE_PATHS,
} from '../../domain/record/published-tree.js';
import { buildRunRecord, recordedEscalations } from '../../domain/record/run-record.js';
import { unsandboxedParts, WITHOUT_SANDBOX } from '../../domain/record/sandboxes.js';
import { firstDifference } from '../first-difference.js';
import { recordsByDigest, type TreeDocuments } from '../open-documents.js';
import { parseBoundedJson, strictText } from '../parse-json.js';
import { checkShape, sha256Of } from '../tree-files.js';
import { unenforcedFields } from '../trust.js';
import { expectEqual, expectSame, type VerifyCode, VerifyFailure } from '../verify-codes.js';

/** The session as it is published, its layout, shape and hashes checked. */
async function readSession({ bytes }: TreeDocuments) {
  const path = TREE_PATHS.session;
  const text = strictText(await bytes(path), path);
  const session = checkShape(promptSessionSchema, parseBoundedJson(text, path), path);
  if (promptSessionText(session) !== text) {
    throw new VerifyFailure(
      'JSON_NOT_STRICT',
      path,
      'the fields in their order, two-space indented, each once',
      'another layout',
    );
  }
  const [problem] = checkPromptSession(session);
  if (problem !== undefined) {
    throw new VerifyFailure('SESSION_HASH_INVALID', path, 'hashes of the content', problem);
  }
  return session;
}

/** The session's hashes hold, it is this run's own, and its sidecar names it. */
export async function checkSession(documents: TreeDocuments): Promise<void> {
  const session = await readSession(documents);
  const request = await documents.request();
  const expected = buildPromptSession(sessionOfRun(await documents.closed(), request?.notes ?? ''));
  const { governance } = await documents.record();
  const hashes = { prompt_artifact_hash: session.artifact_hash, prompt_chain_hash: session.chain_hash };
  expectEqual('SESSION_OTHER_RUN', TREE_PATHS.session, expected.session, session);
  expectEqual('SESSION_OTHER_RUN', TREE_PATHS.session, { governance: hashes }, { governance });
  await checkSidecar(documents);
}

async function checkSidecar({ bytes }: TreeDocuments): Promise<void> {
  const path = TREE_PATHS.sidecar;
  const found = strictText(await bytes(path), path);
  const expected = promptSessionSidecar(sha256Of(await bytes(TREE_PATHS.session)));
  if (found === expected) return;
  throw new VerifyFailure('SIDECAR_DIFFERS', path, JSON.stringify(expected), JSON.stringify(found.slice(0, 200)));
}

const fileOf = (path: string, content: Uint8Array): ArtifactRef => ({
  path,
  sha256: sha256Of(content),
  bytes: content.byteLength,
  media_type: mediaTypeOf(path),
});

export async function checkLedgerHead(documents: TreeDocuments): Promise<void> {
  const { ledger } = await documents.record();
  const head = headOf(await documents.ledger());
  const place = `${TREE_PATHS.record}: ledger`;
  expectSame('LEDGER_HEAD_DIFFERS', place, head.entries, ledger.entries);
  expectSame('LEDGER_HEAD_DIFFERS', place, head.hash, ledger.head);
}

/** The files that the ledger, the attempts and the run's documents lead to: nothing else belongs into the tree. */
async function expectedFiles(documents: TreeDocuments): Promise<readonly ArtifactRef[]> {
  const entries = await documents.ledger();
  const attempts = await documents.attempts();
  const pinned = [TREE_PATHS.request, TREE_PATHS.policyJson, TREE_PATHS.policyYaml, TREE_PATHS.pack];
  const files: ArtifactRef[] = [];
  for (const path of [...pinned, TREE_PATHS.session, TREE_PATHS.sidecar, TREE_PATHS.journal]) {
    if (await documents.has(path)) files.push(fileOf(path, await documents.bytes(path)));
  }
  const listed = await documents.artifacts();
  // A log that the store did not have any more is left out, and no other file may take its place.
  files.push(...interruptionFiles(entries).filter(({ path }) => listed.has(path)));
  for (const { escalation_id } of recordedEscalations(entries)) {
    const path = escalationPath(escalation_id);
    files.push(fileOf(path, await documents.bytes(path)));
  }
  for (const { path, envelope } of [...(await requestAct(documents)), ...signedActs(entries)]) {
    files.push(fileOf(path, new TextEncoder().encode(envelopeText(envelope))));
  }
  const stored = attempts.map(({ record, sha256, bytes, history }) => ({
    record,
    sha256,
    bytes,
    valid: history.standing !== 'voided',
  }));
  try {
    return orderedTree([...files, ...stored.flatMap(attemptFiles)]);
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    const path = `${TREE_PATHS.record}: artifacts`;
    throw new VerifyFailure('ARTIFACTS_DIFFER', path, 'a place for each file', error.summary);
  }
}

/** The request's envelope; a run that never opened may have named one that could not be read. */
async function requestAct(
  documents: TreeDocuments,
): Promise<readonly { readonly path: string; readonly envelope: Envelope }[]> {
  const path = attestationPaths.runRequest;
  const { type, run } = await documents.opening();
  const named = (run.request_attestation_sha256 ?? null) !== null;
  if (!named || (type === 'openingFailed' && !(await documents.has(path)))) return [];
  return [{ path, envelope: await documents.json(path, envelopeSchema) }];
}

const missingCode = (path: string): VerifyCode =>
  isAttestationFile(path) ? 'ATTESTATION_MISSING' : 'ARTIFACTS_DIFFER';

/** What an entry of the list that should not be so is called. */
function differsCode(path: string): VerifyCode {
  if (isAttestationFile(path)) return 'ATTESTATION_DIFFERS';
  return path.startsWith('evidence/escalations/') ? 'ESCALATION_DIFFERS' : 'ARTIFACTS_DIFFER';
}

/** The record lists exactly the files that the run led to, each with its digest, size and media type. */
export async function checkArtifacts(documents: TreeDocuments): Promise<void> {
  const listed = await documents.artifacts();
  const expected = await expectedFiles(documents);
  const place = (path: string) => `${TREE_PATHS.record}: artifacts: ${path}`;
  for (const ref of expected) {
    const found = listed.get(ref.path);
    if (found === undefined) {
      throw new VerifyFailure(missingCode(ref.path), place(ref.path), `sha256 ${ref.sha256}`, 'nothing');
    }
    const difference = firstDifference(ref, found);
    if (difference === null) continue;
    throw new VerifyFailure(differsCode(ref.path), place(ref.path), difference.expected, difference.found);
  }
  const known = new Set(expected.map(({ path }) => path));
  for (const path of listed.keys()) {
    if (known.has(path)) continue;
    throw new VerifyFailure(
      isAttestationFile(path) ? 'ATTESTATION_UNEXPECTED' : 'ARTIFACTS_DIFFER',
      place(path),
      'nothing',
      'a file that the ledger and the attempts do not lead to',
    );
  }
}

/** The record is the one that the ledger, the attempts and the session lead to, to the last field. */
export async function checkRecord(documents: TreeDocuments): Promise<readonly string[]> {
  const record = await documents.record();
  const expected = buildRunRecord({
    ledger: await documents.closed(),
    attempts: recordsByDigest(await documents.attempts()),
    artifacts: await expectedFiles(documents),
    session: await readSession(documents),
    // Whether that key really signed is a check of its own.
    sealedBy: record.sealed_by,
  });
  expectEqual('RECORD_DIFFERS', TREE_PATHS.record, expected, record);
  const parts = unsandboxedParts(record);
  const listed = await documents.artifacts();
  const lost = interruptionFiles(await documents.ledger()).filter(({ path }) => !listed.has(path));
  return [
    ...(parts === null ? [] : [`sandbox: none for ${parts}, so ${WITHOUT_SANDBOX}`]),
    ...lost.map(({ path }) => `${path}: the ledger names this log, and it was missing when the run was published`),
  ];
}

export async function checkEscalations(documents: TreeDocuments): Promise<void> {
  for (const escalation of recordedEscalations(await documents.ledger())) {
    const path = escalationPath(escalation.escalation_id);
    // By value: the order of members is no more than the order in which they once came.
    const found = await documents.json(path, z.looseObject({ schema_version: z.literal(1) }));
    expectEqual('ESCALATION_DIFFERS', path, { schema_version: 1, ...escalation }, found);
  }
}

/** What the policy file of existing PromptOS tooling asks, each field by itself: a field that is false asks nothing. */
export async function checkPromptOsPolicy(documents: TreeDocuments): Promise<readonly string[]> {
  const policy = documents.trust.promptosPolicy;
  if (policy === undefined) return [];
  const session = await declaredSession(documents);
  const asked = (field: boolean, check: () => void | Promise<void>) => (field ? check() : undefined);
  const wanted = policy.required_promptos_version;
  if (wanted !== undefined)
    same('PROMPTOS_VERSION', 'prompt_os_version', plain(wanted), plain(session.prompt_os_version));
  await asked(policy.enforce_hash_validation, () => checkHashes(documents, session));
  await asked(policy.require_prompts_declared, () => checkDeclared(documents, session));
  await asked(policy.require_chain_validation, () => {
    const chain = sha256Of(session.artifact_hash + session.timestamp_utc);
    same('PROMPTOS_CHAIN', 'chain_hash', chain, session.chain_hash);
  });
  await asked(policy.require_run_binding, () => checkBinding(documents, session));
  const ignored = unenforcedFields(policy);
  return ignored.length === 0
    ? []
    : [`the PromptOS policy file has fields that are not enforced: ${ignored.join(', ')}`];
}

/** Only its shape is asked here: what else holds of it, the fields say. */
async function declaredSession({ bytes }: TreeDocuments): Promise<PromptSession> {
  const text = strictText(await bytes(TREE_PATHS.session), TREE_PATHS.session);
  return checkShape(promptSessionSchema, parseBoundedJson(text, TREE_PATHS.session), TREE_PATHS.session);
}

/** A tag is often the version with a "v" before it. */
const plain = (version: string): string => version.replace(/^v/, '');

function same(code: VerifyCode, field: string, expected: string, found: string): void {
  if (expected === found) return;
  throw new VerifyFailure(code, `${TREE_PATHS.session}: ${field}`, expected, found);
}

async function checkHashes({ bytes }: TreeDocuments, session: PromptSession): Promise<void> {
  const { artifact_hash: _artifact, chain_hash: _chain, ...fields } = session;
  const expected = buildPromptSession(fields).session;
  same('PROMPTOS_HASH', 'artifact_hash', expected.artifact_hash, session.artifact_hash);
  const content = await bytes(TREE_PATHS.session);
  same('PROMPTOS_HASH', 'layout', promptSessionText(session), strictText(content, TREE_PATHS.session));
  const sidecar = strictText(await bytes(TREE_PATHS.sidecar), TREE_PATHS.sidecar);
  same('PROMPTOS_HASH', 'sidecar', promptSessionSidecar(sha256Of(content)), sidecar);
}

/** Prompts are declared, each is one of the pack, and they are those that ran. */
async function checkDeclared(documents: TreeDocuments, { prompts_used }: PromptSession): Promise<void> {
  const ledger = await documents.closed();
  const { run, type } = ledger.opening;
  const ran = sessionOfRun(ledger, '').prompts_used;
  const known = [...run.gates, ESCALATION_GATE] as readonly string[];
  const foreign = prompts_used.filter((prompt) => !known.includes(prompt));
  if (prompts_used.length === 0 && type === 'runOpened')
    same('PROMPTOS_PROMPTS', 'prompts_used', 'some prompts', 'none');
  same('PROMPTOS_PROMPTS', 'prompts_used', '', foreign.join(', '));
  same('PROMPTOS_PROMPTS', 'prompts_used', ran.join(', '), prompts_used.join(', '));
}

/** The record carries the session's two hashes, and both speak of the same run. */
async function checkBinding(documents: TreeDocuments, session: PromptSession): Promise<void> {
  const { governance, developer, target_repo } = await documents.record();
  same('PROMPTOS_BINDING', 'artifact_hash', governance.prompt_artifact_hash, session.artifact_hash);
  same('PROMPTOS_BINDING', 'chain_hash', governance.prompt_chain_hash, session.chain_hash);
  same('PROMPTOS_BINDING', 'developer', developer, session.developer);
  same('PROMPTOS_BINDING', 'target_repo', target_repo, session.target_repo);
}
