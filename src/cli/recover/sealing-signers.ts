import type { SignerRegistry } from '../../ports/signer.js';

/**
 * What a run is sealed with: the key that ended its journal, or none where that end is unsigned. A record that another key
 * seals would differ from the one that the run's own worker publishes.
 * @param sealer the key that ended the journal
 * @returns null when this machine does not have that key
 */
export function sealingSigners(signers: SignerRegistry, sealer: string | null): SignerRegistry | null {
  if (sealer === null) return { forPrincipal: () => null, forEngine: () => null };
  return signers.forEngine()?.keyid === sealer ? signers : null;
}
