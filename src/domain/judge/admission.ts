import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, own } from '../../contracts/json.js';
import type { Policy } from '../../contracts/policy.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run-plan.js';
import { runRequestStatement } from '../attest/acts.js';
import { openEnvelope } from '../attest/envelope.js';
import { PREDICATES, readStatement } from '../attest/statement.js';
import { pinKeys, readEnvelope } from './authenticate.js';

/**
 * Judges the starter's signature over a run. Where decisions must be signed, so must the request, by a key of the
 * developer, who must be a principal of the policy. The engine asks when a run opens, the verifier asks again.
 * @param content the envelope as it was read, whatever it is; null when the run names none
 * @returns who signed, or null for a request that an optional policy lets through unsigned
 * @throws PromptOsError REQUEST_NOT_SIGNED, DEVELOPER_UNKNOWN, SIGNATURE_INVALID
 */
export function judgeRequest(run: GovernedRunInput, policy: Policy, content: unknown): RunPlan['request_signed_by'] {
  const required = policy.decisions.authentication === 'required';
  if (required && own(policy.principals, run.developer) === undefined) {
    throw new PromptOsError(
      'DEVELOPER_UNKNOWN',
      `The developer "${run.developer}" is no principal of the policy; it has ${Object.keys(policy.principals).join(', ')}.`,
    );
  }
  if (run.request_attestation_sha256 === null) {
    if (!required) return null;
    throw new PromptOsError(
      'REQUEST_NOT_SIGNED',
      `The policy asks for a signed request; ${run.developer} signed none.`,
    );
  }
  const invalid = (why: string) =>
    new PromptOsError('SIGNATURE_INVALID', `The request's signature does not count: ${why}.`);
  const envelope = readEnvelope(content);
  if (envelope === null) throw invalid('it is no envelope');
  const opened = openEnvelope(envelope, own(pinKeys(policy), run.developer) ?? []);
  if (!opened.ok) throw invalid(`${opened.problem} (${opened.detail}) for a key of ${run.developer}`);
  const signedAt = readStatement(opened.payload, PREDICATES.runRequest)?.predicate.signedAt;
  if (typeof signedAt !== 'string') throw invalid('it states something else');
  // Everything that a run is bound to, so whatever differs is another run's.
  if (canonicalJson(opened.payload) !== canonicalJson(runRequestStatement(run, signedAt))) {
    throw invalid('it is about another run');
  }
  return { principal: run.developer, keyid: opened.keyid };
}
