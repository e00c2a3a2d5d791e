import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext, Script } from 'node:vm';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createTextSigner } from '../../src/adapters/keys/file-signer.js';
import { generatePrivateKey } from '../../src/adapters/keys/key-files.js';
import type { Decision } from '../../src/contracts/run/decisions.js';
import { sealDecision } from '../../src/domain/attest/acts.js';
import { PREDICATES } from '../../src/domain/attest/statement.js';
import type { authenticate } from '../../src/domain/judge/authenticate.js';
import { sharedModules } from '../../src/plugin/workflow-bundle.js';
import { median } from '../figures.js';
import type { VerificationCost } from '../parts/signatures.js';

// A process of its own, so that its heap and its processor time are those of verifying alone. Needs --expose-gc.

const RUNS = 40;
const DECISIONS = 12;

const decision = (number: number): Decision => ({
  decision_id: `P03.1.${number}-grace`,
  run_id: 'bench-small-update-1',
  gate: 'P03',
  attempt: 1,
  request_id: `P03.1.${number}`,
  output_sha256: 'a'.repeat(64),
  policy_sha256: 'b'.repeat(64),
  actor: 'grace',
  choice: 'approve',
});

/** The signers of five principals; the last one decides. */
const signers = await Promise.all(
  ['nina', 'vera', 'rex', 'ada', 'grace'].map(async (name) => {
    const signer = await createTextSigner(generatePrivateKey(null).pem, name, { passphrase: () => Promise.reject() });
    const pinned = {
      keyid: signer.keyid,
      raw: signer.publicKey,
      valid_from: null,
      valid_until: null,
      revoked_at: null,
    };
    return { name, signer, pinned };
  }),
);
const grace = signers.at(-1);
if (grace === undefined) throw new Error('expected a signer');
const plan = { keys: Object.fromEntries(signers.map(({ name, pinned }) => [name, [pinned]])) } as never;
const now = Date.now();
const envelopes = await Promise.all(
  Array.from({ length: DECISIONS }, (_, index) => sealDecision(decision(index + 1), grace.signer, now)),
);

const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('./probe.js', import.meta.url)),
  preloadModules: process.argv[2] === 'shared' ? [...sharedModules()] : [],
  logger: new DefaultLogger('ERROR'),
});
const script = new Script(code);
const gc = globalThis.gc ?? (() => {});

/** As the SDK's reusable context has it: what is loaded before the first run is every run's, the rest is each run's own. */
const context = createContext({ exports: {}, TextEncoder, TextDecoder });
const shared = new Map<string, unknown>();
let own: Map<string, unknown> | null = null;
const modules = new Proxy(
  {},
  {
    get: (_, id: string) => shared.get(id) ?? own?.get(id),
    set: (_, id: string, module: unknown) => (own ?? shared).set(id, module) !== undefined,
  },
);
Object.defineProperty(context, '__webpack_module_cache__', { value: modules });
script.runInContext(context);
runInContext('__TEMPORAL__.preloadModules()', context);

/** Processor time, so that what else the machine does is left out; compilers and collectors of the engine are in it. */
const milliseconds = (work: () => unknown): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

const at = new Date(now).toISOString();
const kept: unknown[] = [];
function run(): { readonly load: number; readonly verified: readonly number[] } {
  own = new Map();
  kept.push(own);
  let probe: { authenticate: typeof authenticate } | undefined;
  const load = milliseconds(() => {
    probe = runInContext('__TEMPORAL__.importWorkflows()', context);
  });
  const verified = envelopes.map((envelope) =>
    milliseconds(() => {
      const judged = probe?.authenticate(plan, envelope, PREDICATES.gateDecision, at);
      if (judged === undefined || !('signer' in judged) || judged.signer !== 'grace') throw new Error('not verified');
    }),
  );
  return { load, verified };
}

const coldest = run();
for (let number = 0; number < 5; number += 1) run();
gc();
const before = process.memoryUsage().heapUsed;
const runs = Array.from({ length: RUNS }, run);
gc();
const cost: VerificationCost = {
  worker_first_ms: coldest.verified[0] ?? null,
  load_ms: median(runs.map(({ load }) => load)),
  run_first_ms: median(runs.flatMap(({ verified }) => verified[0] ?? [])),
  later_ms: median(runs.flatMap(({ verified }) => verified.slice(1))),
  heap_bytes_per_run: (process.memoryUsage().heapUsed - before) / RUNS,
};
console.log(JSON.stringify(cost));
