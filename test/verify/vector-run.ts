import type { TestKey } from '../support/signing.js';
import { VECTOR_KEYS } from '../support/vector-keys.js';
import type { RunKeys } from './genuine-run.js';

const HOLDERS = ['ada', 'grace', 'nina', 'vera', 'rex', 'engine'] as const;

/** The keys of the vectors as a run's own: what was signed with them can be signed again. */
const keys = Object.fromEntries(
  HOLDERS.map((name) => {
    const { key, line, signer, seal, sealBytes } = VECTOR_KEYS[name];
    const pinned = { ...key, valid_from: null, valid_until: null, revoked_at: null };
    return [name, { key, line, pinned, seal, sealBytes, signer, pem: '' } as unknown as TestKey];
  }),
) as unknown as RunKeys;

const signing = new Map<string, (typeof VECTOR_KEYS)['ada']['signer']>(
  HOLDERS.map((name) => [name, VECTOR_KEYS[name].signer]),
);
const signers = {
  forPrincipal: (name: string) => signing.get(name) ?? null,
  forEngine: () => VECTOR_KEYS.engine.signer,
};

/** Options of `genuineRun` for a run that holds the keys of the vectors. */
export const VECTOR_RUN = { keys, signers };
