import type { Policy } from '../../contracts/policy/policy.js';
import type { GovernedRunInput } from '../../contracts/run/run-plan.js';
import type { RunRequest } from '../../contracts/run/run-request.js';
import { keyidOf } from '../../domain/attest/envelope.js';
import { type PolicyTrust, requirePolicyOfRun, requireTrustedPolicy } from '../../domain/judge/admission.js';
import type { GovernancePorts } from '../../ports/index.js';
import { loadPack, type PromptPack } from '../../prompt-pack/load.js';
import type { PinnedDocuments } from '../documents/pinned-documents.js';
import type { VerifiedPrefix } from './verify-prefix.js';

/** A run's pinned documents, once this worker was found to trust them. */
export interface TrustedRun {
  readonly policy: Policy;
  readonly request: RunRequest;
  readonly pack: PromptPack;
  /** What the worker trusted at that time. */
  readonly trust: PolicyTrust;
}

/** What this worker trusts now. */
const trustOf = async ({ trust }: Pick<GovernancePorts, 'trust'>): Promise<PolicyTrust> => ({
  digests: await trust.trustedPolicies(),
  by: 'this worker',
});

/**
 * Refuses to have the engine sign under a policy that it does not trust. A run that it opened itself may end although
 * trust has ended meanwhile, so that people can abort it.
 * @throws PromptOsError POLICY_NOT_TRUSTED
 */
export async function requireTrustedByEngine(
  ports: Pick<GovernancePorts, 'trust' | 'signers'>,
  { opening, journal }: Pick<VerifiedPrefix, 'opening' | 'journal'>,
): Promise<void> {
  const signer = ports.signers.forEngine();
  if (signer === null) return;
  // That it is signed by a key of the engine, and which, the verification of the past has found.
  const opened = journal.find(({ entry }) => entry?.kind === 'opened')?.entry;
  if (opened?.kind === 'opened' && keyidOf(opened.envelope) === signer.keyid) return;
  requireTrustedPolicy({ sha256: opening.run.policy_sha256, path: null }, await trustOf(ports));
}

/**
 * Loads what a run was started with, and asks again whether this worker trusts it: the starter of a run must not bring
 * its own law, and trust may end while a run waits.
 * @throws PromptOsError POLICY_NOT_TRUSTED, POLICY_NOT_FOR_REPOSITORY, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, and what the documents' readers throw
 */
export async function loadTrustedRun(
  ports: Pick<GovernancePorts, 'trust'>,
  documents: PinnedDocuments,
  run: GovernedRunInput,
): Promise<TrustedRun> {
  const trust = await trustOf(ports);
  requireTrustedPolicy({ sha256: run.policy_sha256, path: null }, trust);
  const policy = await documents.policy(run.policy_sha256);
  const pack = loadPack(await documents.packBundle(run.pack_object_sha256));
  requirePolicyOfRun({ policy, path: null }, run.target_repo, pack);
  return { policy, request: await documents.request(run.request_sha256), pack, trust };
}
