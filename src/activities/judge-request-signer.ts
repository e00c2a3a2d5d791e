import { z } from 'zod';
import { openEnvelope } from '../attestation/envelope.js';
import { PREDICATES, readStatement } from '../attestation/statement.js';
import { PromptOsError } from '../contracts/errors.js';
import { envelopeSchema } from '../contracts/keys.js';
import type { Policy } from '../contracts/policy.js';
import type { GovernedRunInput, RunPlan } from '../contracts/run-plan.js';
import type { GovernancePorts } from '../ports/index.js';
import { pinKeys } from './pin-keys.js';

/** What a starter signs: everything that a run is bound to, by name and digest. */
const requestPredicateSchema = z.strictObject({
  runId: z.string(),
  developer: z.string(),
  targetRepo: z.string(),
  baseCommit: z.string(),
  gates: z.array(z.string()),
  policySha256: z.string(),
  packObjectSha256: z.string(),
  signedAt: z.string(),
});

/**
 * Judges the starter's signature over a run. Where decisions must be signed, so must the request, by a key of the
 * developer, who must be a principal of the policy.
 * @returns who signed, or null for a request that an optional policy lets through unsigned
 * @throws PromptOsError REQUEST_NOT_SIGNED, DEVELOPER_UNKNOWN, SIGNATURE_INVALID
 */
export async function judgeRequestSigner(
  { store }: Pick<GovernancePorts, 'store'>,
  run: GovernedRunInput,
  policy: Policy,
): Promise<RunPlan['request_signed_by']> {
  const required = policy.decisions.authentication === 'required';
  if (required && policy.principals[run.developer] === undefined) {
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
  const keys = pinKeys(policy)[run.developer] ?? [];
  const invalid = (why: string) =>
    new PromptOsError('SIGNATURE_INVALID', `The request's signature does not count: ${why}.`);
  const envelope = envelopeSchema.safeParse(await readJson(store, run.request_attestation_sha256));
  if (!envelope.success) throw invalid('it is no envelope');
  const opened = openEnvelope(envelope.data, keys);
  if (!opened.ok) throw invalid(`${opened.problem} (${opened.detail}) for a key of ${run.developer}`);
  const stated = readStatement(opened.payload, PREDICATES.runRequest);
  const predicate = requestPredicateSchema.safeParse(stated?.predicate);
  if (stated === null || !predicate.success) throw invalid('it states something else');
  const { runId, developer, targetRepo, baseCommit, gates, policySha256, packObjectSha256 } = predicate.data;
  const fits =
    stated.subject.length === 1 &&
    stated.subject[0]?.digest.sha256 === run.request_sha256 &&
    runId === run.run_id &&
    developer === run.developer &&
    targetRepo === run.target_repo &&
    baseCommit === run.base_commit &&
    gates.join() === run.gates.join() &&
    policySha256 === run.policy_sha256 &&
    packObjectSha256 === run.pack_object_sha256;
  if (!fits) throw invalid('it is about another run');
  return { principal: run.developer, keyid: opened.keyid };
}

async function readJson(store: Pick<GovernancePorts['store'], 'readObject'>, sha256: string): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await store.readObject(sha256)));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
