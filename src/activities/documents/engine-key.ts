import { PromptOsError } from '../../contracts/errors.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { isValidAt, pinKey } from '../../domain/judge/authenticate.js';
import type { ClosedLedger } from '../../domain/ledger/closed-ledger.js';
import type { GovernancePorts } from '../../ports/index.js';
import type { Signer } from '../../ports/signer.js';
import type { PinnedDocuments } from './pinned-documents.js';

/**
 * The engine's key, if this worker has one that the policy lists and that counts at an instant.
 * @returns the signer, or why there is none
 */
function usableEngineKey(signer: Signer | null, policy: Policy, at: string): Signer | string {
  if (signer === null) return 'this worker has no key of the engine';
  const listed = policy.engine.keys.map(pinKey).find(({ keyid }) => keyid === signer.keyid);
  if (listed === undefined) return `the policy does not list this worker's engine key ${signer.keyid}`;
  return isValidAt(listed, at) ? signer : `the engine key ${signer.keyid} is not valid at ${at}`;
}

const missing = (policy: Policy, why: string): PromptOsError =>
  new PromptOsError('ENGINE_KEY_MISSING', `The policy "${policy.name}" asks for signed records, and ${why}.`);

/**
 * The key with which the engine signs for a run now; null where the policy does not ask for one and there is none.
 * @param at when it must count, by the ledger
 * @throws PromptOsError ENGINE_KEY_MISSING
 */
export function engineSigner({ signers }: Pick<GovernancePorts, 'signers'>, policy: Policy, at: string): Signer | null {
  const usable = usableEngineKey(signers.forEngine(), policy, at);
  if (typeof usable !== 'string') return usable;
  if (policy.attestations === 'required') throw missing(policy, usable);
  return null;
}

/**
 * The key that seals a closed run, judged at the time at which it closed; null where the policy does not ask for one and
 * there is none. A run that was refused at its opening may lack its policy; it is sealed when that can be read.
 * @throws PromptOsError ENGINE_KEY_MISSING, POLICY_INVALID, OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function sealingKey(
  { signers }: Pick<GovernancePorts, 'signers'>,
  documents: PinnedDocuments,
  { opening, closing }: ClosedLedger,
): Promise<Signer | null> {
  const required = opening.type === 'runOpened' && opening.plan.attestations === 'required';
  const signer = signers.forEngine();
  if (signer === null && !required) return null;
  const policy = await documents.policy(opening.run.policy_sha256).catch((error: unknown) => {
    const unreadable = error instanceof PromptOsError && ['POLICY_INVALID', 'OBJECT_NOT_FOUND'].includes(error.code);
    if (unreadable && !required) return null;
    throw error;
  });
  if (policy === null) return null;
  const usable = usableEngineKey(signer, policy, closing.at);
  if (typeof usable !== 'string') return usable;
  if (required) throw missing(policy, usable);
  return null;
}
