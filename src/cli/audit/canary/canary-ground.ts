import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { userGitEnv } from '../../../adapters/git/environments.js';
import { gitIn } from '../../../adapters/git/run-git.js';
import { createDirectStarter } from '../../../adapters/platform/direct-starter.js';
import { makeFolders } from '../../../adapters/platform/make-folders.js';
import type { CanaryGround } from '../../../canary/canary-run.js';
import { CANARY_REPOSITORY } from '../../../canary/project.js';
import { builtInPackDir } from '../../../config/pack-folder.js';
import { type PolicyFile, parsePolicyBytes } from '../../../config/policy-file.js';
import { readPromptPack } from '../../../config/prompt-pack.js';
import { DIGEST_PREFIX } from '../../../config/worker-config-file.js';
import type { WorkerConfig } from '../../../contracts/config/worker-config.js';
import { prettyJson } from '../../../contracts/json.js';
import { createPorts } from '../../../worker.js';
import type { CommandContext } from '../../app/context.js';

/** The name and the signing settings of a person must not get into the commit. */
const COMMITTER = ['user.name=Canary', 'user.email=canary@example.org', 'commit.gpgSign=false'];

/** What canaries or bugs are planted into. */
export interface PlantedProject {
  /** The text of each file. */
  readonly files: Readonly<Record<string, string>>;
  /** The policy as a document. */
  policy(packSha256: string): object;
}

export interface OpenGround {
  readonly ground: CanaryGround;
  readonly policy: PolicyFile['policy'];
}

async function makeRepository(
  directory: string,
  files: PlantedProject['files'],
  env: CommandContext['env'],
): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await makeFolders(dirname(join(directory, path)));
    await writeFile(join(directory, path), text);
  }
  const git = gitIn({ cwd: directory, env: userGitEnv(env) }, COMMITTER);
  await git.bytes(['init', '--quiet', '--initial-branch=main', '--template=']);
  await git.bytes(['add', '--all', '--force']);
  await git.bytes(['commit', '--quiet', '--no-verify', '--message', 'The project of the canaries']);
  return (await git.bytes(['rev-parse', 'HEAD'])).toString().trim();
}

/** A worker config that runs the project's own tests. Nothing that runs is a program of others, so there is no sandbox. */
const workerConfig = (repository: string, policySha256: string): WorkerConfig => ({
  schema_version: 1,
  roles: ['engine', 'writer', 'verifier', 'reviewer'],
  repositories: { [CANARY_REPOSITORY]: { path: repository } },
  trust: { policies: [`${DIGEST_PREFIX}${policySha256}`] },
  executors: {},
  // The tests of seeded bugs need programs that only PATH leads to, such as go.
  checks: { allow: ['*'], env: { allow: ['PATH', 'TMPDIR'], set: {} }, network: 'none' },
  setup: { allow: [], env: { allow: [], set: {} }, network: 'none' },
  sandbox: 'none',
  signers: {},
});

/** Makes a repository, a store and a policy in a folder of their own, does the work, and removes the folder. */
export async function withCanaryGround<T>(
  { env }: CommandContext,
  project: PlantedProject,
  work: (opened: OpenGround) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-canary-'));
  try {
    const repository = join(root, 'project');
    const base_commit = await makeRepository(repository, project.files, env);
    const pack = await readPromptPack(builtInPackDir(), env);
    const { policy, sha256, bytes } = parsePolicyBytes(
      new TextEncoder().encode(prettyJson(project.policy(pack.digest))),
      'the policy of the canaries',
    );
    const config = workerConfig(repository, sha256);
    const ports = await createPorts(
      { config, configDir: root, stateDir: join(root, 'state'), env },
      createDirectStarter('session'),
    );
    await ports.store.putObject(bytes);
    return await work({ ground: { ports, base_commit, pack, policy_sha256: sha256 }, policy });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
