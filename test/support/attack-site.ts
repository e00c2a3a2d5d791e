import { randomUUID } from 'node:crypto';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { openFolderTree } from '../../src/adapters/tree/folder-tree.js';
import { parsePolicyBytes } from '../../src/config/policy-file.js';
import { EXECUTOR_ROLES, type ExecutorRole, type GateId, roleTaskQueue } from '../../src/contracts/names.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import type { GovernancePorts } from '../../src/ports/index.js';
import type { Signer, SignerRegistry } from '../../src/ports/signer.js';
import { judgeTree, type TreeVerdict } from '../../src/verify/verify-tree.js';
import { attackPolicy, SITE_ROLES } from './attack-policy.js';
import { exampleOutputs } from './gate-outputs.js';
import { createGovernedWorker, type GovernedWorker, governedBundle, REPAIR } from './governed-worker.js';
import { outputs, type ScriptedExecutors, type ScriptStep, scriptedExecutors } from './scripted-executor.js';
import { signerOfKey } from './signed-finished-run.js';
import { keyOf } from './signed-run.js';
import { makeTestKey, type TestKey } from './signing.js';

const GOOD = exampleOutputs();

/** Answers for whatever gate it is asked, any number of times. */
export const answering: ScriptStep = (call) => (call.gate === 'P05' ? REPAIR(call) : outputs(GOOD[call.gate])(call));
const always = (first: readonly ScriptStep[] = []): readonly ScriptStep[] => [
  ...first,
  ...Array<ScriptStep>(20).fill(answering),
];

/** Scripts that answer every gate; what a test gives comes first. */
export const patientScripts = (
  first: Readonly<Partial<Record<string, readonly ScriptStep[]>>> = {},
): Readonly<Record<string, readonly ScriptStep[]>> =>
  Object.fromEntries(Object.values(SITE_ROLES).map((name) => [name, always(first[name])]));

/** Whose worker it is: a role's, with the one key of its principal, or the engine's with the engine's. */
type Party = ExecutorRole | 'engine';

export interface AttackSiteOptions {
  readonly address: string;
  readonly approvals?: Partial<Readonly<Record<GateId, number>>>;
  /** Whose workers start with the site; all unless it is said. */
  readonly parties?: readonly Party[];
  /** What differs on one party's worker, such as something between it and the server. */
  readonly workerOptions?: Readonly<Partial<Record<Party, Partial<WorkerOptions>>>>;
  /** The engine's ports as a test wants them. */
  readonly enginePorts?: (ports: GovernancePorts) => GovernancePorts;
}

/** A governed repository as a platform team runs it: one worker for each role, each with its own key alone. */
export interface AttackSite extends GovernedWorker {
  /** The executors of runs that this site did not start: they answer every gate, and note each call. */
  readonly strangers: ScriptedExecutors;
  /** Statements that the party has signed so far, by their predicate types. */
  signed(party: Party): readonly string[];
  /** Statements that all workers have signed so far. */
  signatures(): number;
  /** Does nothing for a worker that runs already. */
  start(party: Party, options?: Partial<WorkerOptions>): Promise<void>;
  stop(party: Party): Promise<void>;
  /** The queue that the party polls. */
  queueOf(party: Party): string;
  /** The journal in the store, with the payloads of its envelopes as text. */
  journal(runId: string): Promise<string>;
  /** The published journal with the payloads of its envelopes as text; empty where none is published. */
  publishedJournal(runId: string): Promise<string>;
  /** As `promptos verify` judges a published tree under the site's policy; null when there is none. */
  judge(runId: string): Promise<TreeVerdict | null>;
}

const ALL: readonly Party[] = ['engine', ...EXECUTOR_ROLES];

export async function createAttackSite(options: AttackSiteOptions): Promise<AttackSite> {
  const { address, approvals = {}, parties = ALL, workerOptions = {}, enginePorts = (ports) => ports } = options;
  const engineKey = makeTestKey();
  const site = await createGovernedWorker({
    address,
    policy: attackPolicy({ approvals, engine: engineKey }),
    idle: true,
    signerFor: async (name) => (name in SIGNERS_OF_PEOPLE ? signerOfKey(keyOf(name)) : null),
  });
  const strangers = scriptedExecutors();
  for (const [name, steps] of Object.entries(patientScripts())) strangers.script(name, ...steps);
  const own = new Set<string>();
  const shared: GovernancePorts = {
    ...site.ports,
    executors: {
      forPrincipal: (principal) => {
        const { descriptor, execute } = site.ports.executors.forPrincipal(principal);
        const other = strangers.forPrincipal(principal);
        return { descriptor, execute: (call) => (own.has(call.run_id) ? execute(call) : other.execute(call)) };
      },
    },
  };
  const signed = new Map<Party, string[]>(ALL.map((party) => [party, []]));
  const running = new Map<Party, { readonly worker: Worker; readonly ended: Promise<void> }>();
  const queueOf = (party: Party) =>
    party === 'engine' ? site.taskQueue : roleTaskQueue(site.taskQueue, party satisfies ExecutorRole);

  const portsOf = (party: Party): GovernancePorts => {
    const note = (type: string) => signed.get(party)?.push(type);
    if (party === 'engine') return enginePorts({ ...shared, signers: engineOnly(engineKey, note) });
    return { ...shared, signers: principalOnly(SITE_ROLES[party], note) };
  };
  const start = async (party: Party, more: Partial<WorkerOptions> = {}) => {
    if (running.has(party)) return;
    const worker = await Worker.create({
      connection: site.connection,
      namespace: 'default',
      taskQueue: queueOf(party),
      plugins: [new GovernedRunPlugin({ ports: portsOf(party), serve: party === 'engine' ? 'engine' : 'role' })],
      ...(party === 'engine' ? { workflowBundle: await governedBundle() } : {}),
      ...workerOptions[party],
      ...more,
    });
    running.set(party, { worker, ended: worker.run() });
  };
  const stop = async (party: Party) => {
    const found = running.get(party);
    running.delete(party);
    if (found?.worker.getState() === 'RUNNING') found.worker.shutdown();
    await found?.ended;
  };
  for (const party of parties) await start(party);

  const { policy_sha256 } = site.repository.run;
  return {
    ...site,
    strangers,
    startRun: async (given = {}) => {
      const runId = given.runId ?? `run-${randomUUID().slice(0, 13)}`;
      own.add(runId);
      return site.startRun({ scripts: patientScripts(), ...given, runId });
    },
    signed: (party) => signed.get(party) ?? [],
    signatures: () => [...signed.values()].reduce((sum, { length }) => sum + length, 0),
    start,
    stop,
    queueOf,
    journal: async (runId) => withPayloads(Buffer.concat(await site.store.readJournal(runId)).toString('utf8')),
    publishedJournal: async (runId) => {
      const file = (await site.store.published(runId))?.find(({ path }) => path.startsWith('evidence/journal/'));
      if (file === undefined) return '';
      return withPayloads(Buffer.from(await site.store.readObject(file.sha256)).toString('utf8'));
    },
    judge: async (runId) => {
      if ((await site.store.published(runId)) === null) return null;
      const { policy, sha256 } = parsePolicyBytes(await site.store.readObject(policy_sha256));
      return judgeTree(await openFolderTree(site.store.locate(runId)), { policies: [{ sha256, policy }], runId });
    },
    close: async () => {
      await Promise.all([...running.keys()].map(stop));
      await site.close();
    },
  };
}

/** Milliseconds after which a run that should end is not waited for any more: a hang guard. */
const PATIENCE_MS = 90_000;

/**
 * The outcome of a run; `failed` also for an execution that failed without one, `running` for one that goes on.
 * @param patienceMs how long a run is given that is expected to go on
 */
export async function endOf(site: AttackSite, runId: string, patienceMs = PATIENCE_MS): Promise<string> {
  const ended = site.runs.wait(runId).then(
    ({ outcome }) => outcome,
    () => 'failed',
  );
  const still = new Promise<'running'>((resolve) => setTimeout(() => resolve('running'), patienceMs).unref());
  return Promise.race([ended, still]);
}

/** Text with the payload of every envelope decoded. */
const withPayloads = (text: string): string =>
  text.replaceAll(/"payload":"([^"]+)"/g, (_, payload: string) => Buffer.from(payload, 'base64').toString('utf8'));

const SIGNERS_OF_PEOPLE = { ada: true, grace: true, ivan: true } as const;

/** The predicate type of a statement, out of the bytes that DSSE has signed. */
const predicateOf = (message: Uint8Array): string =>
  /"predicateType":"([^"]+)"/.exec(Buffer.from(message).toString('latin1'))?.[1] ?? 'unknown';

const noting = (key: TestKey, note: (predicateType: string) => void): Signer => ({
  ...signerOfKey(key),
  sign: async (message) => {
    note(predicateOf(message));
    return key.sign(message);
  },
});

const engineOnly = (key: TestKey, note: (predicateType: string) => void): SignerRegistry => ({
  forPrincipal: () => null,
  forEngine: () => noting(key, note),
});

const principalOnly = (name: string, note: (predicateType: string) => void): SignerRegistry => ({
  forPrincipal: (asked) => (asked === name ? noting(keyOf(name), note) : null),
  forEngine: () => null,
});
