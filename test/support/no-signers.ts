import type { SignerRegistry } from '../../src/ports/signer.js';

/** A worker that signs nothing, as an optional policy allows. */
export const noSigners: SignerRegistry = { forPrincipal: () => null, forEngine: () => null };
