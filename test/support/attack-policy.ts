import type { GateId } from '../../src/contracts/names.js';
import { keyOf } from './signed-run.js';
import type { TestKey } from './signing.js';

/** Who does which gates on an attack site. Their keys are those of the signed runs of the pure domain. */
export const SITE_ROLES = { writer: 'wendy', verifier: 'victor', reviewer: 'rita' } as const;
const PEOPLE = ['ada', 'grace', 'ivan'] as const;
const AGENTS = ['wendy', 'victor', 'rita'] as const;

export interface AttackPolicyOptions {
  /** Approvals by gate; 1 where it says nothing. */
  readonly approvals?: Partial<Readonly<Record<GateId, number>>>;
  readonly engine: TestKey;
}

/** No gate asks for an integrator: only the keys of the workers and of the engine are left. */
export const NO_APPROVALS = { P00: 0, P01: 0, P03: 0, P05: 0, P06: 0, P07: 0 } as const;

/** Everything must be signed, each principal has a key of its own, and a run may be as short as P00. */
export function attackPolicy({ approvals = {}, engine }: AttackPolicyOptions): string {
  const principal = (kind: string) => (name: string) =>
    `  ${name}: { kind: ${kind}, keys: [{ public: '${keyOf(name).line}' }] }`;
  return `
schema_version: 1
name: attacked
principals:
${[...PEOPLE.map(principal('human')), ...AGENTS.map(principal('agent'))].join('\n')}
roles: { writer: wendy, verifier: victor, reviewer: rita, integrator: [grace, ivan, ada] }
engine: { keys: [{ public: '${engine.line}' }] }
decisions: { authentication: required }
attestations: required
required_gates: [P00]
approvals: ${JSON.stringify(approvals)}
waivable: [checks]
limits: { output_tries: 2, rework_rounds: 3 }
checks:
  tests:
    argv: [node, test.js]
    timeout: 60s
    made_of: [test.js]
`;
}
