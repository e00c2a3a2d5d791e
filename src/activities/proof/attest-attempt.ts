import { testResultsSchema } from '../../contracts/answers/gate-outputs.js';
import { SARIF_FILE } from '../../contracts/artifacts.js';
import { canonicalSha256, own, parseJsonAs, prettyJson, wellFormed } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { DueGate, GateOutcome } from '../../contracts/run/activities.js';
import { gateResultStatement } from '../../domain/attest/acts.js';
import { sealStatement } from '../../domain/attest/envelope.js';
import { provenanceStatement, testResultStatement } from '../../domain/attest/predicates.js';
import { resultPredicate } from '../../domain/judge/gate-result.js';
import { attemptFolder, attestationPaths, envelopeText, TREE_PATHS } from '../../domain/record/published-tree.js';
import { attemptSarif } from '../../domain/record/sarif.js';
import type { Signer } from '../../ports/signer.js';
import { type GateTask, scopesOf } from '../gates/gate-definition.js';

/** When an attempt was worked on, by the clock of its worker; the ledger's times are the engine's. */
export interface AttemptTimes {
  readonly startedOn: string;
  readonly finishedOn: string;
}

/** Signs a statement with a key that only the signer sees. @throws PromptOsError KEY_NOT_READABLE, KEY_LOCKED, AGENT_FAILED */
export const signStatement = (statement: object, signer: Signer): Promise<Envelope> =>
  sealStatement(statement, { keyid: signer.keyid, raw: signer.publicKey }, (message) => signer.sign(message));

/**
 * The key with which an attempt is signed: that of its principal, where this worker has one and the policy knows any.
 * A key that the policy does not list signs all the same, and the run refuses the result and says why.
 */
export function signerOf({ ports, policy, input }: GateTask): Signer | null {
  const known = own(policy.principals, input.principal)?.keys ?? [];
  return known.length === 0 ? null : ports.signers.forPrincipal(input.principal);
}

/** The record with its findings as SARIF and, where it can be signed, the standard attestation of its gate. */
export async function withEvidence(
  task: GateTask,
  record: AttemptRecord,
  signer: Signer | null,
  times: AttemptTimes,
): Promise<AttemptRecord> {
  const transcripts =
    record.findings.length === 0
      ? record.transcripts
      : [...record.transcripts, await task.putArtifact(SARIF_FILE, prettyJson(attemptSarif(record)))];
  const complete = { ...record, transcripts };
  const standard = signer === null ? null : await standardAttestation(task, complete, signer, times);
  return standard === null ? complete : { ...complete, artifacts: [...complete.artifacts, standard] };
}

/** SLSA provenance about a patch that P05 made, a test result about one that P06 tested; null where there is none. */
async function standardAttestation(
  task: GateTask,
  record: AttemptRecord,
  signer: Signer,
  times: AttemptTimes,
): Promise<ArtifactRef | null> {
  const { gate, attempt, artifacts } = record;
  const { target_repo, pack_object_sha256 } = task.input.run;
  const find = (path: string) => artifacts.find((artifact) => artifact.path === path);
  const put = async (path: string, statement: object) =>
    task.putArtifact(path, envelopeText(await signStatement(statement, signer)));
  const patch = find(TREE_PATHS.patch);
  if (patch !== undefined) {
    const statement = provenanceStatement({
      patch,
      record,
      targetRepo: target_repo,
      packObjectSha256: pack_object_sha256,
      scopes: scopesOf(task),
      folder: attemptFolder(gate, attempt),
      ...times,
    });
    return put(attestationPaths.provenance(gate, attempt), statement);
  }
  const tested = find(TREE_PATHS.testResults);
  if (tested === undefined) return null;
  const results = parseJsonAs(testResultsSchema, await task.readArtifact(tested.sha256));
  const statement = testResultStatement({ record, targetRepo: target_repo, results });
  return put(attestationPaths.testResult(gate, attempt), statement);
}

/** What the principal of a gate says of an attempt, signed: what counts of it, and for which step of which ledger. */
export const attestAttempt = (
  record: AttemptRecord,
  outcome: GateOutcome,
  { feedback, nonce, ledger }: Pick<DueGate, 'feedback' | 'nonce' | 'ledger'>,
  signer: Signer,
): Promise<Envelope> =>
  signStatement(
    gateResultStatement(
      wellFormed(outcome),
      resultPredicate(record, { feedback_sha256: canonicalSha256(feedback), nonce, ledger }),
    ),
    signer,
  );
