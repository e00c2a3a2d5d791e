import { PromptOsError } from '../../contracts/errors.js';
import { readJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run/run-plan.js';
import { judgeRequest } from '../../domain/judge/admission.js';
import { findKey, isValidAt, pinKeys } from '../../domain/judge/authenticate.js';
import { envelopeText } from '../../domain/record/published-tree.js';
import type { GovernancePorts } from '../../ports/index.js';

/**
 * Judges the starter's signature over a run, read from the store.
 * @param at when the key must count: the ledger's first instant, as the verifier has it
 * @returns who signed, or null for a request that an optional policy lets through unsigned
 * @throws PromptOsError REQUEST_NOT_SIGNED, DEVELOPER_UNKNOWN, SIGNATURE_INVALID, OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function judgeRequestSigner(
  { store }: { readonly store: Pick<GovernancePorts['store'], 'readObject'> },
  run: GovernedRunInput,
  policy: Policy,
  at: string,
): Promise<RunPlan['request_signed_by']> {
  const sha256 = run.request_attestation_sha256;
  const text = sha256 === null ? null : new TextDecoder().decode(await store.readObject(sha256));
  const signed = judgeRequest(run, policy, text === null ? null : readJson(text));
  if (signed === null) return null;
  // The file is published as it is, and a verifier wants it in the one layout of such files.
  if (text !== envelopeText(readJson(String(text)) as Envelope)) {
    throw new PromptOsError('SIGNATURE_INVALID', `The signed request ${sha256} is not laid out as promptos writes it.`);
  }
  const held = findKey(pinKeys(policy), signed.keyid);
  if (held !== null && isValidAt(held.key, at)) return signed;
  throw new PromptOsError(
    'SIGNATURE_INVALID',
    `The request was signed by ${signed.keyid}, which does not count at ${at}.`,
  );
}
