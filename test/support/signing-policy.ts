import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignerFor } from '../../src/client/client.js';
import { keyFileOf } from '../../src/config/key-files.js';
import { own } from '../../src/contracts/json.js';
import type { SignerRegistry } from '../../src/ports/signer.js';
import { EXAMPLE_POLICY } from './governed-repository.js';
import { signerOfKey, signersOf } from './signed-finished-run.js';
import { makeTestKey, type TestKey } from './signing.js';

const HOLDERS = ['ada', 'grace', 'nina', 'vera', 'rex', 'engine'] as const;
export type ExampleKeys = Readonly<Record<(typeof HOLDERS)[number], TestKey>>;

/** A worker's keys, those of the people who decide, and the policy that lists them. */
export interface SigningSetup {
  readonly keys: ExampleKeys;
  readonly policy: string;
  readonly signers: SignerRegistry;
  readonly signerFor: SignerFor;
}

/** The example policy with everything signed, as `promptos init` writes it; a run may leave gates out. */
export function signingSetup(example = EXAMPLE_POLICY): SigningSetup {
  const keys = Object.fromEntries(HOLDERS.map((name) => [name, makeTestKey()])) as Record<
    (typeof HOLDERS)[number],
    TestKey
  >;
  const policy = example
    .replaceAll(
      /^ {2}(\w+): \{ kind: (\w+) \}$/gm,
      (_, name: keyof ExampleKeys, kind) => `  ${name}: { kind: ${kind}, keys: [{ public: '${keys[name].line}' }] }`,
    )
    .replace(
      'decisions: { authentication: optional }\nattestations: optional',
      `engine: { keys: [{ public: '${keys.engine.line}' }] }\ndecisions: { authentication: required }\nattestations: required`,
    );
  return {
    keys,
    policy: shortRuns(policy),
    signers: signersOf(keys),
    signerFor: async (name) => {
      const key = name === 'engine' ? undefined : own(keys, name);
      return key === undefined ? null : signerOfKey(key);
    },
  };
}

const shortRuns = (policy: string): string => `${policy.trimEnd()}\nrequired_gates: [P00]\n`;

/** For tests about runs in which nothing is signed. */
export const UNSIGNED_POLICY = shortRuns(EXAMPLE_POLICY);

/** Writes the private keys into a home folder, as `promptos keys generate` names them. @returns the variable that names their folder */
export async function writeKeys(
  home: string,
  keys: Partial<ExampleKeys> | null,
): Promise<{ readonly PROMPTOS_KEYS_DIR: string }> {
  const folder = join(home, 'keys');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [name, { pem }] of Object.entries(keys ?? {})) {
    await writeFile(keyFileOf(folder, name), pem, { mode: 0o600 });
  }
  return { PROMPTOS_KEYS_DIR: folder };
}
