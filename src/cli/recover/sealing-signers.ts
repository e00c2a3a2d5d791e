import { noSigners, type SignerRegistry } from '../../ports/signer.js';

/**
 * What a run is sealed with: the key that ended its journal, or none where nobody signed that end. A record that another
 * key seals would be another one than the run's own worker publishes.
 * @param sealer the key that ended the journal
 * @returns null when this machine does not have that key
 */
export function sealingSigners(signers: SignerRegistry, sealer: string | null): SignerRegistry | null {
  if (sealer === null) return noSigners;
  return signers.forEngine()?.keyid === sealer ? signers : null;
}
