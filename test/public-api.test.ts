import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { importsOf, readSourceTree, type SourceTree } from './architecture/source-tree.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = readSourceTree(join(ROOT, 'src'));

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly files: readonly string[];
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));

/** What each entry exports: values as they are at run time, types as its file names them. Both change on purpose only. */
const ENTRIES: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  '.': {
    values: [
      'DEFAULT_TASK_QUEUE',
      'ERROR_CATALOGUE',
      'EXECUTOR_ROLES',
      'GATES',
      'GATE_IDS',
      'GATE_OUTPUT_SCHEMAS',
      'GovernedRunPlugin',
      'GovernedRuns',
      'OUTCOMES',
      'PromptOsError',
      'REFUSAL_REASONS',
      'ROLES',
      'WORKFLOW_TYPE',
      'attemptRecordSchema',
      'builtInPackDir',
      'cancellationSchema',
      'createObjectTree',
      'createTrustRegistry',
      'decisionSchema',
      'escalationReportSchema',
      'findingSchema',
      'governanceDataConverter',
      'humanMessageSchema',
      'isErrorCode',
      'judgeTree',
      'ledgerEventSchema',
      'parseLedgerEntry',
      'parsePolicyBytes',
      'personEscalationSchema',
      'policySchema',
      'promptPackBundleSchema',
      'promptSessionSchema',
      'readPolicy',
      'readPromptPack',
      'readRunRequest',
      'readWorkerConfig',
      'requestFromNotes',
      'resolutionSchema',
      'roleTaskQueue',
      'runIdOfWorkflow',
      'runRecordSchema',
      'runRequestSchema',
      'runWorkflowId',
      'tryExecutor',
      'workerConfigSchema',
    ],
    types: [
      'ApplyResult',
      'ArtifactRef',
      'ArtifactStore',
      'AttemptRecord',
      'AwaitedDecision',
      'AwaitedResolution',
      'Cancellation',
      'CheckCacheUse',
      'CheckCall',
      'CheckOutcome',
      'CheckRunner',
      'Checkout',
      'CheckoutOptions',
      'CheckoutSetup',
      'CommandOutput',
      'CommandWatch',
      'Content',
      'Decision',
      'DecisionAnswer',
      'Delivery',
      'ErrorCode',
      'EscalationReport',
      'ExecutorCall',
      'ExecutorDescriptor',
      'ExecutorFailure',
      'ExecutorOutcome',
      'ExecutorRegistry',
      'ExecutorRole',
      'ExecutorTrial',
      'ExitCode',
      'Finding',
      'GateAtWork',
      'GateExecutor',
      'GateId',
      'GateProgress',
      'GateStatus',
      'GovernancePorts',
      'GovernedRunInput',
      'GovernedRunPluginOptions',
      'GovernedRunResult',
      'GovernedRunsOptions',
      'HumanMessage',
      'KeptBaselines',
      'LedgerEntry',
      'LedgerEvent',
      'ListedRun',
      'LongBytes',
      'LongPatch',
      'Outcome',
      'PersonEscalation',
      'Policy',
      'PolicyFile',
      'PromptPackBundle',
      'PromptSession',
      'ProvidedSetup',
      'PublishedRun',
      'RefusalReason',
      'ReportedUse',
      'RepositorySnapshot',
      'Resolution',
      'Role',
      'RunMoment',
      'RunRecord',
      'RunRequest',
      'RunStatus',
      'SecretHit',
      'SecretScanner',
      'SetupCall',
      'SetupRunner',
      'Severity',
      'Signer',
      'SignerFor',
      'SignerRegistry',
      'StartRunOptions',
      'StoredObject',
      'TreeDigest',
      'TreeEntry',
      'TreeLimits',
      'TreeReader',
      'TreeVerdict',
      'TriedCase',
      'TrustRegistry',
      'TrustedPolicy',
      'Verdict',
      'VerifyTrust',
      'WorkerConfig',
      'Workspace',
    ],
  },
  './workflows': {
    values: [
      'approveSignal',
      'cancelSignal',
      'decideUpdate',
      'escalateSignal',
      'handOffSignal',
      'governedRun',
      'ledgerQuery',
      'rejectSignal',
      'resolveEscalationSignal',
      'statusQuery',
    ],
    types: [],
  },
  './adapters': {
    values: [
      'createAgentSigner',
      'createCheckCaches',
      'createCheckRunner',
      'createCommandExecutor',
      'createExecutorRegistry',
      'createFileSigner',
      'createFileSystemStore',
      'createGitWorkspace',
      'createKeptBaselines',
      'createLauncher',
      'createNetworkOpener',
      'createS3Store',
      'createSecretlintScanner',
      'createSetupRunner',
      'createWorkerSigners',
      'openBundleTree',
      'openFolderTree',
      'openStore',
      'openWorkerSandbox',
    ],
    types: [
      'AgentSignerOptions',
      'CheckCaches',
      'CheckRunnerOptions',
      'CommandExecutorOptions',
      'FileSignerOptions',
      'Launcher',
      'OpenNetwork',
      'OpenedNetwork',
      'ProgramStarter',
      'Sandbox',
      'SandboxedWorker',
      'SetupRunnerOptions',
      'StorePlace',
    ],
  },
};

/** The source of a built file. */
const sourceOf = (built: string): string => built.replace(/^\.\/dist\//, 'src/').replace(/(?:\.d\.ts|\.js)$/, '.ts');

/** The types that a barrel passes on: whole statements of types, and single ones among values. */
function exportedTypes(text: string): readonly string[] {
  return [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)]
    .flatMap(([, whole, names = '']) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && (whole !== undefined || name.startsWith('type ')))
        .map((name) => name.replace(/^type /, '')),
    )
    .sort();
}

/** The files next to `dist` that the code reads by path; npm always ships package.json. */
const reachedPlaces = (tree: SourceTree): readonly string[] => [
  ...new Set(
    [...tree].flatMap(([path, text]) => {
      const up = '../'.repeat(path.split('/').length);
      return [...text.matchAll(/new URL\('((?:\.\.\/)+)([\w.-]+)/g)].flatMap(([, climbs = '', place = '']) =>
        climbs === up && place !== 'package.json' ? [place] : [],
      );
    }),
  ),
];

/** Packages that a file loads or takes types from. */
const packagesOf = (tree: SourceTree): readonly string[] => [
  ...new Set(
    [...tree.keys()]
      .flatMap((path) => importsOf(tree, path))
      .filter(({ to, relative }) => !relative && !to.startsWith('node:') && !builtinModules.includes(to))
      .map(({ to }) => to.split('/', to.startsWith('@') ? 2 : 1).join('/')),
  ),
];

test('public API: the entries of package.json are those that are pinned, schemas and package.json aside', () => {
  expect(Object.keys(manifest.exports)).toEqual([...Object.keys(ENTRIES), './schemas/*', './package.json']);
});

test.each(Object.entries(ENTRIES))(
  'public API: %s exports what is pinned, no more and no less',
  async (name, entry) => {
    const target = manifest.exports[name];
    if (target === undefined || typeof target === 'string') throw new Error(`${name} has no types`);
    expect(sourceOf(target.types)).toBe(sourceOf(target.default));
    const source = join(ROOT, sourceOf(target.default));
    expect(Object.keys(await import(source)).sort()).toEqual([...entry.values].sort());
    expect(exportedTypes(await readFile(source, 'utf8'))).toEqual([...entry.types].sort());
  },
);

test('public API: the reader of exported types sees both ways to write one', () => {
  const text =
    "export { a, type B } from './a.js';\nexport type { C,\n  D } from './c.js';\nexport { e } from './e.js';";
  expect(exportedTypes(text)).toEqual(['B', 'C', 'D']);
});

test('package.json: every folder that ships is there or is built', async () => {
  const missing = manifest.files.filter((path) => path !== 'dist' && !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
  const build = JSON.parse(await readFile(join(ROOT, 'src', 'tsconfig.json'), 'utf8'));
  expect(build.compilerOptions).toMatchObject({ rootDir: '.', outDir: '../dist' });
  expect(Object.values(manifest.bin).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect((await readdir(join(ROOT, 'schemas'))).length).toBeGreaterThan(0);
});

test('package.json: whatever the code reaches by address ships', () => {
  expect(reachedPlaces(SOURCES).filter((place) => !manifest.files.includes(place))).toEqual([]);
});

test('package.json: a folder that does not ship is found', () => {
  const tree = new Map([
    ['config/pack.ts', "new URL('../../prompts', import.meta.url); new URL('../inside', import.meta.url);"],
    ['index.ts', "new URL('../attic/file', import.meta.url); new URL('../package.json', import.meta.url);"],
  ]);
  expect(reachedPlaces(tree)).toEqual(['prompts', 'attic']);
});

test('package.json: every package that the code imports is a dependency', () => {
  // `@types/sarif` is types alone: nothing of it is in what is built. What builds the package runs before it is packed.
  const known = [...Object.keys(manifest.dependencies), 'sarif'];
  const shipped = new Map([...SOURCES].filter(([path]) => !path.startsWith('build/')));
  expect(packagesOf(shipped).filter((name) => !known.includes(name))).toEqual([]);
});

test('package.json: a package that is no dependency is found, and builtins are none', () => {
  const tree = new Map([
    [
      'cli/a.ts',
      "import { z } from 'zod/v4';\nimport type { A } from '@scope/name/deep';\nimport 'node:fs';\nimport './b.js';",
    ],
  ]);
  expect(packagesOf(tree)).toEqual(['zod', '@scope/name']);
});
