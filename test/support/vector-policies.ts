import type { PromptPackBundle } from '../../src/contracts/prompt-pack.js';
import { bundleOf, locked, unlockedPack } from '../prompt-pack/sample-pack.js';
import { VECTOR_KEYS } from './vector-keys.js';

/** The prompt pack of the vectors: short, so that rendered prompts stay small. */
export const vectorPack = (): PromptPackBundle => bundleOf(locked(unlockedPack()));

const line = (name: keyof typeof VECTOR_KEYS): string => `${VECTOR_KEYS[name].line} ${name}`;
const key = (name: keyof typeof VECTOR_KEYS): string => `{ public: '${line(name)}' }`;

/**
 * The policy under which most vectors ran: everything must be signed, two integrators, and two approvals for P01.
 * The line that lists the prompt pack is added where it is used.
 */
export const SIGNED_POLICY = `# Keys of the test vectors: everybody can make them again, so they protect nothing.
schema_version: 1
name: vectors
principals:
  ada: { kind: human, keys: [${key('ada')}] }
  grace: { kind: human, keys: [${key('grace')}] }
  ivan: { kind: human, keys: [${key('ivan')}] }
  nina: { kind: agent, keys: [${key('nina')}] }
  vera: { kind: agent, keys: [${key('vera')}] }
  rex: { kind: agent, keys: [${key('rex')}] }
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace, ivan] }
decisions: { authentication: required }
attestations: required
engine: { keys: [${key('engine')}] }
required_gates: [P00]
approvals: { P01: 2 }
waivable: [checks]
limits: { output_tries: 2, rework_rounds: 2 }
checks:
  tests:
    argv: [node, test.js]
    timeout: 60s
    made_of: [test.js]
`;

/** A text with one part exchanged, which must be there. */
export function exchanged(text: string, from: string, to: string): string {
  const after = text.replace(from, () => to);
  if (after === text) throw new Error(`the text does not hold ${from}`);
  return after;
}

/** Under this one nothing needs a signature. */
export const UNSIGNED_POLICY = exchanged(
  exchanged(SIGNED_POLICY, 'authentication: required', 'authentication: optional'),
  'attestations: required',
  'attestations: optional',
);

/** An instant before all of the recorded runs. */
export const LONG_BEFORE = '2026-01-01T00:00:00Z';

const times = (name: keyof typeof VECTOR_KEYS, ...fields: readonly string[]): string =>
  `{ public: '${line(name)}', ${fields.join(', ')} }`;

/** Grace's and the engine's keys were changed at a time long before the runs; the policies still list the old ones. */
export const ROTATED_POLICY = exchanged(
  exchanged(
    SIGNED_POLICY,
    key('grace'),
    [times('grace-old', `valid_until: ${LONG_BEFORE}`), times('grace', `valid_from: ${LONG_BEFORE}`)].join(', '),
  ),
  key('engine'),
  [times('engine-old', `revoked_at: ${LONG_BEFORE}`), times('engine', `valid_from: ${LONG_BEFORE}`)].join(', '),
);

/** A later form of the signed policy, in which a key of a principal was revoked at an instant. */
export const revokedPolicy = (name: Exclude<keyof typeof VECTOR_KEYS, `${string}-old`>, at: string): string =>
  exchanged(SIGNED_POLICY, key(name), times(name, `revoked_at: ${at}`));

/** The line that makes a policy take a pack. */
export const packLine = ({ digest }: PromptPackBundle): string => `prompt_packs: ['${digest}']\n`;
