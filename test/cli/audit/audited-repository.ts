import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandUnknownOpts as Command } from '@commander-js/extra-typings';
import { createPublisher } from '../../../src/activities/finalise.js';
import { createFileSystemStore } from '../../../src/adapters/store/fs/file-system-store.js';
import type { StoreCommandContext } from '../../../src/cli/app/published-run.js';
import type { ExitCode } from '../../../src/contracts/errors.js';
import type { ArtifactStore } from '../../../src/ports/artifact-store.js';
import type { FinishedRunOptions } from '../../support/finished-run.js';
import { recordOutput } from '../../support/recorded-output.js';
import { makeRunKeys, signedFinishedRun } from '../../support/signed-finished-run.js';

/** What one command wrote and ended with; its errors are thrown. */
export interface AuditAnswer {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** The last object of `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of several shapes
  readonly json: any;
}

/** A real repository, a store beside it, and runs that are published there. */
export interface AuditedRepository {
  readonly folder: string;
  readonly repo: string;
  readonly store: ArtifactStore;
  readonly env: Readonly<Record<string, string | undefined>>;
  git(...args: readonly string[]): string;
  write(path: string, content: string): Promise<void>;
  commitAll(message: string): string;
  /** The difference of the working tree to HEAD as the engine would publish it; the working tree is put back. */
  takePatch(): string;
  publish(options: FinishedRunOptions): Promise<void>;
  invoke(make: (context: StoreCommandContext) => Command, ...args: readonly string[]): Promise<AuditAnswer>;
  remove(): Promise<void>;
}

export async function createAuditedRepository(): Promise<AuditedRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-audit-test-'));
  const repo = join(folder, 'répo');
  const home = join(folder, 'home');
  const store = createFileSystemStore(join(home, 'state', 'artifacts'));
  const keys = makeRunKeys();
  await mkdir(repo);
  await mkdir(home);
  // The runs call the repository as the worker config does.
  const config = {
    schema_version: 1,
    repositories: { 'split-bill': { path: repo } },
    trust: { policies: ['none.yaml'] },
  };
  await writeFile(join(home, 'worker.yaml'), JSON.stringify(config));
  const env = {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    // Where a whole command line finds the store.
    PROMPTOS_HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Grace',
    GIT_AUTHOR_EMAIL: 'grace@example.org',
    GIT_COMMITTER_NAME: 'Grace',
    GIT_COMMITTER_EMAIL: 'grace@example.org',
  };
  const raw = (args: readonly string[]): string => execFileSync('git', [...args], { cwd: repo, env }).toString();
  const git: AuditedRepository['git'] = (...args) => raw(args).trim();
  git('init', '-q', '-b', 'main');
  return {
    folder,
    repo,
    store,
    env,
    git,
    write: async (path, content) => {
      await mkdir(dirname(join(repo, path)), { recursive: true });
      await writeFile(join(repo, path), content);
    },
    commitAll: (message) => {
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
    takePatch: () => {
      git('add', '-A');
      const patch = raw(['diff', '--cached', '--binary', '--full-index', '-M', 'HEAD']);
      git('reset', '-q', '--hard', 'HEAD');
      return patch;
    },
    publish: async (options) => {
      const { entries, signers } = await signedFinishedRun(store, options, keys);
      await createPublisher({ store, signers })({ entries: entries, journal: [] });
    },
    invoke: (make, ...args) => invokeIn({ store, repo, env }, make, ...args),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Runs one command in a folder, as main does. */
export async function invokeIn(
  { store, repo, env }: Pick<AuditedRepository, 'store' | 'repo' | 'env'>,
  make: (context: StoreCommandContext) => Command,
  ...args: readonly string[]
): Promise<AuditAnswer> {
  const json = args.includes('--json');
  const { output, stdout, stderr } = recordOutput({ json });
  let exitCode: ExitCode = 0;
  const context: StoreCommandContext = {
    output: () => output,
    openStore: async () => store,
    cwd: repo,
    env,
    exit: (code) => {
      exitCode = code;
    },
  };
  await make(context)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .parseAsync(
      args.filter((arg) => arg !== '--json'),
      { from: 'user' },
    );
  return { exitCode, stdout: stdout.text, stderr: stderr.text, json: json ? stdout.objects().at(-1) : null };
}

/** Lines of a text file. */
export const lines = (...given: readonly string[]): string => `${given.join('\n')}\n`;

/** A repository with one published run, whose patch changes a line. */
export async function createPatchedRepository(): Promise<{
  readonly audited: AuditedRepository;
  readonly base: string;
  readonly patch: string;
}> {
  const audited = await createAuditedRepository();
  await audited.write('src/sum.txt', lines('one', 'two', 'three'));
  const base = audited.commitAll('base');
  await audited.write('src/sum.txt', lines('one', 'TWO', 'three'));
  const patch = audited.takePatch();
  await audited.publish({ patch, baseCommit: base });
  return { audited, base, patch };
}
