import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createPinnedDocuments } from '../../src/activities/documents/pinned-documents.js';
import { type ExecuteGateOptions, executeGate } from '../../src/activities/execute-gate.js';
import { runActivity } from '../../src/activities/index.js';
import { openRun } from '../../src/activities/open-run.js';
import { createCheckRunner } from '../../src/adapters/checks/check-runner.js';
import { createFileSystemStore } from '../../src/adapters/store/fs/file-system-store.js';
import { createGitWorkspace } from '../../src/adapters/workspace/git-workspace.js';
import { builtInPackDir } from '../../src/config/pack-folder.js';
import { readPromptPack } from '../../src/config/prompt-pack.js';
import type { Prices } from '../../src/contracts/config/prices.js';
import { canonicalJson } from '../../src/contracts/json.js';
import { GATE_IDS, GATES, type GateId, runWorkflowId, type SandboxKind } from '../../src/contracts/names.js';
import type { PromptPackBundle } from '../../src/contracts/prompt-pack.js';
import { type AttemptRecord, attemptRecordSchema } from '../../src/contracts/record/attempt.js';
import type { DueGate, ExecuteGateResult, OpenRunResult } from '../../src/contracts/run/activities.js';
import { RULES_VERSION } from '../../src/contracts/run/rules-version.js';
import type { GovernedRunInput } from '../../src/contracts/run/run-plan.js';
import type { RunRequest } from '../../src/contracts/run/run-request.js';
import type { ExecutorRegistry } from '../../src/ports/gate-executor.js';
import type { GovernancePorts } from '../../src/ports/index.js';
import type { SecretHit } from '../../src/ports/secret-scanner.js';
import type { SignerRegistry } from '../../src/ports/signer.js';
import { noSigners } from './no-signers.js';
import { exampleRequest } from './run-request.js';
import { type ScriptedExecutors, scriptedExecutors } from './scripted-executor.js';

/** A policy over the example repository; its one check fails while `src/split.js` says "wrong". */
export const EXAMPLE_POLICY = `
schema_version: 1
name: example
principals:
  ada: { kind: human }
  grace: { kind: human }
  nina: { kind: agent }
  vera: { kind: agent }
  rex: { kind: agent }
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
decisions: { authentication: optional }
attestations: optional
waivable: [checks]
limits: { output_tries: 2 }
checks:
  tests:
    argv: [node, test.js]
    timeout: 60s
    made_of: [test.js]
`;

const FILES = {
  'README.md': '# Split\n',
  'src/split.js': "export const split = 'wrong';\n",
  'test.js':
    "const text = require('node:fs').readFileSync('src/split.js', 'utf8');\nconsole.log(text);\nif (text.includes('wrong')) { console.error('still wrong'); process.exit(1); }\n",
};

const ROLE_PRINCIPALS = { writer: 'nina', verifier: 'vera', reviewer: 'rex' } as const;

export interface GovernedRepositoryOptions {
  /** The files of the repository's first commit; those of the example when absent. */
  readonly files?: Readonly<Record<string, string>>;
  readonly request?: RunRequest;
  /** The policy's text; the line that lists the prompt pack is added. */
  readonly policy?: string;
  readonly gates?: readonly GateId[];
  readonly secretHits?: readonly SecretHit[];
  /** The prompt pack; the built-in one unless a test wants its own. */
  readonly pack?: PromptPackBundle;
  /** Where the workspace finds git; the usual folders when absent. */
  readonly gitPath?: string;
  /** The keys of the worker; without them nothing is signed. */
  readonly signers?: SignerRegistry;
  /** The price table of the worker. */
  readonly prices?: Prices;
  /** What executors and checks say that they run in; without it they say nothing. */
  readonly sandbox?: SandboxKind;
}

/** A run's surroundings for activity tests: real git, real store, real checks, scripted executors. */
export interface GovernedRepository {
  readonly ports: GovernancePorts;
  readonly executors: ScriptedExecutors;
  readonly run: GovernedRunInput;
  readonly packSha256: string;
  /** The user's own repository. */
  readonly repository: string;
  /** The policies that the worker trusts; a test may change it. */
  readonly trusted: Set<string>;
  readonly environment: MockActivityEnvironment;
  git(...args: readonly string[]): string;
  /** Has the worker find its executors elsewhere than in `executors`. */
  findExecutorsIn(other: ExecutorRegistry): void;
  input(gate: GateId, parts?: Partial<DueGate>): DueGate;
  /** As the workflow's local activity would open it. */
  openRun(run?: GovernedRunInput, firstExecutionRunId?: string): Promise<OpenRunResult>;
  /** A gate that was found to be due. */
  executeGate(
    input: DueGate,
    before?: Pick<ExecuteGateOptions, 'spending' | 'finishedTries'>,
  ): Promise<ExecuteGateResult>;
  record(result: ExecuteGateResult): Promise<AttemptRecord>;
  /** The text of a public artifact or transcript of an attempt. */
  text(record: AttemptRecord, path: string): Promise<string>;
  putText(text: string): Promise<string>;
  remove(): Promise<void>;
}

export async function createGovernedRepository(options: GovernedRepositoryOptions = {}): Promise<GovernedRepository> {
  const { files = FILES, request = exampleRequest(), gates = GATE_IDS, secretHits = [] } = options;
  const root = await mkdtemp(join(tmpdir(), 'promptos-gates-'));
  const repository = join(root, 'repository');
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      encoding: 'utf8',
    }).trim();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'first');

  const store = createFileSystemStore(join(root, 'store'));
  const putText = async (text: string) => (await store.putObject(new TextEncoder().encode(text))).sha256;
  const bundle = options.pack ?? (await readPromptPack(builtInPackDir()));
  const policy = `${options.policy ?? EXAMPLE_POLICY}prompt_packs: ['${bundle.digest}']\n`;
  const policySha256 = await putText(policy);
  const trusted = new Set([policySha256]);
  const executors = scriptedExecutors(options.sandbox);
  let registry: ExecutorRegistry = executors;
  const ports: GovernancePorts = {
    store,
    workspace: createGitWorkspace({
      repositories: { example: { path: repository } },
      stateDir: join(root, 'state'),
      ...(options.gitPath === undefined ? {} : { env: { PATH: options.gitPath } }),
    }),
    executors: { forPrincipal: (principal) => registry.forPrincipal(principal) },
    ...(options.prices === undefined ? {} : { prices: options.prices }),
    checks: {
      ...createCheckRunner({ allow: ['*'], env: process.env }),
      ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }),
    },
    secrets: { scan: async () => secretHits },
    trust: { trustedPolicies: async () => new Set(trusted) },
    signers: options.signers ?? noSigners,
  };
  const run: GovernedRunInput = {
    schema_version: 1,
    run_id: '20260102-fix-split',
    developer: 'ada',
    target_repo: 'example',
    base_commit: git('rev-parse', 'HEAD'),
    gates: [...gates],
    request_sha256: await putText(canonicalJson(request)),
    policy_sha256: policySha256,
    pack_object_sha256: await putText(canonicalJson(bundle)),
    prompt_os_version: bundle.prompt_os_version,
    request_attestation_sha256: null,
  };
  const documents = createPinnedDocuments(store);
  const environment = new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR') });
  const record = async ({ output_sha256 }: ExecuteGateResult) =>
    attemptRecordSchema.parse(JSON.parse(new TextDecoder().decode(await store.readObject(output_sha256))));
  return {
    ports,
    executors,
    run,
    packSha256: bundle.digest,
    repository,
    trusted,
    environment,
    git,
    findExecutorsIn: (other) => {
      registry = other;
    },
    input: (gate, parts = {}) => ({
      run,
      rules_version: RULES_VERSION,
      pack_sha256: bundle.digest,
      gate,
      attempt: 1,
      principal: ROLE_PRINCIPALS[GATES[gate].role],
      inputs: {},
      feedback: [],
      nonce: 'a'.repeat(64),
      started_at: '2026-01-02T00:00:00.000Z',
      ledger: { entries: 2, hash: 'a'.repeat(64) },
      ...parts,
    }),
    openRun: (given = run, firstExecutionRunId = 'first-execution') => {
      const taskQueues = { writer: 'test.writer', verifier: 'test.verifier', reviewer: 'test.reviewer' };
      const temporal = { namespace: 'default', taskQueue: 'test', firstExecutionRunId };
      const starting = { taskQueues, ...temporal, workflowId: runWorkflowId(given.run_id), isLocal: true };
      return openRun(ports, documents, starting, given);
    },
    executeGate: (input, before = {}) =>
      environment.run(() =>
        runActivity(({ cancellationSignal: signal }, progress) =>
          executeGate(ports, documents, input, { signal, progress, ...before }),
        ),
      ),
    record,
    text: async ({ artifacts, transcripts }, path) => {
      const ref = [...artifacts, ...transcripts].find((candidate) => candidate.path === path);
      if (ref === undefined) throw new Error(`the attempt has no ${path}`);
      return new TextDecoder().decode(await store.readObject(ref.sha256));
    },
    putText,
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
