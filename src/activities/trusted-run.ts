import { PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import type { GovernedRunInput } from '../contracts/run-plan.js';
import type { RunRequest } from '../contracts/run-request.js';
import { engineKeysOfPolicy, readOpening } from '../domain/ledger/journal.js';
import type { GovernancePorts } from '../ports/index.js';
import type { PromptPack } from '../prompt-pack/load.js';
import { checkGovernedRepository } from '../rules/admission.js';
import { judgePack, type PinnedDocuments } from './pinned-documents.js';
import type { VerifiedPrefix } from './verify-prefix.js';

/** A run's pinned documents, once this worker was found to trust them. */
export interface TrustedRun {
  readonly policy: Policy;
  readonly request: RunRequest;
  readonly pack: PromptPack;
}

/** @throws PromptOsError POLICY_NOT_TRUSTED */
async function requireTrustedPolicy({ trust }: Pick<GovernancePorts, 'trust'>, sha256: string): Promise<void> {
  const trusted = await trust.trustedPolicies();
  if (trusted.has(sha256)) return;
  const known = [...trusted].join(', ') || 'none';
  throw new PromptOsError(
    'POLICY_NOT_TRUSTED',
    `This worker does not trust the policy sha256:${sha256}; it trusts ${known}.`,
  );
}

/**
 * Refuses to have the engine sign under a policy that it does not trust. A run that it opened itself may end although
 * trust has ended meanwhile, so that people can abort it.
 * @throws PromptOsError POLICY_NOT_TRUSTED
 */
export async function requireTrustedByEngine(
  ports: Pick<GovernancePorts, 'trust' | 'signers'>,
  { opening, policy, journal }: Pick<VerifiedPrefix, 'opening' | 'policy' | 'journal'>,
): Promise<void> {
  const signer = ports.signers.forEngine();
  if (signer === null) return;
  const { keys } = engineKeysOfPolicy(policy);
  const own = { keys: keys.filter(({ keyid }) => keyid === signer.keyid), required: true };
  if (readOpening(journal, own, opening.at) === null) await requireTrustedPolicy(ports, opening.run.policy_sha256);
}

/**
 * Loads what a run was started with, and asks anew whether this worker trusts it: whoever starts a run must not bring
 * his own law, and trust may end while a run waits.
 * @throws PromptOsError POLICY_NOT_TRUSTED, POLICY_NOT_FOR_REPOSITORY, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, and what the documents' readers throw
 */
export async function loadTrustedRun(
  ports: Pick<GovernancePorts, 'trust'>,
  documents: PinnedDocuments,
  run: GovernedRunInput,
): Promise<TrustedRun> {
  await requireTrustedPolicy(ports, run.policy_sha256);
  const policy = await documents.policy(run.policy_sha256);
  checkGovernedRepository(policy, run.target_repo);
  const { pack } = judgePack(await documents.packBundle(run.pack_object_sha256));
  if (!policy.prompt_packs.includes(pack.digest)) {
    throw new PromptOsError(
      'PACK_NOT_TRUSTED',
      `The policy "${policy.name}" does not list the prompt pack ${pack.digest} in prompt_packs.`,
    );
  }
  return { policy, request: await documents.request(run.request_sha256), pack };
}
