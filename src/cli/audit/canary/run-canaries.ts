import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { userGitEnv } from '../../../adapters/git/environments.js';
import { gitIn } from '../../../adapters/git/run-git.js';
import { createDirectStarter } from '../../../adapters/platform/direct-starter.js';
import { withPassingFolder } from '../../../adapters/platform/leftovers.js';
import { makeFolders } from '../../../adapters/platform/make-folders.js';
import {
  CANARIES,
  type CanaryOutcome,
  type ControlOutcome,
  createPlanter,
  plantAll,
} from '../../../canary/canaries.js';
import { type CanaryGround, createCanaryRuns } from '../../../canary/canary-run.js';
import type { Canary } from '../../../canary/patch-canaries.js';
import { CANARY_REPOSITORY, canaryPolicy, type JudgingPolicy, PROJECT_FILES } from '../../../canary/project.js';
import { builtInPackDir } from '../../../config/pack-folder.js';
import { type PolicyFile, parsePolicyBytes, readPolicyInForce } from '../../../config/policy-file.js';
import { readPromptPack } from '../../../config/prompt-pack.js';
import { DIGEST_PREFIX } from '../../../config/worker-config-file.js';
import type { WorkerConfig } from '../../../contracts/config/worker-config.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { prettyJson } from '../../../contracts/json.js';
import { RULES_VERSION } from '../../../contracts/run/rules-version.js';
import { counted } from '../../../contracts/sentences.js';
import { createPorts } from '../../../worker.js';
import type { CommandContext } from '../../app/context.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { findProject } from '../../app/project.js';

export interface CanaryOptions {
  readonly policy?: string;
  readonly class?: string;
}

interface NamedPolicy extends PolicyFile {
  readonly path: string;
}

/** Plants the canaries and reports what caught each. @throws PromptOsError USAGE and what reading the policy throws */
export async function runCanaries(context: CommandContext, options: CanaryOptions): Promise<void> {
  const output = context.output();
  const canaries = chosen(options.class);
  const named = await userPolicy(context, options);
  const { control, outcomes, pack_sha256 } = await withCanaryGround(
    context,
    {
      files: PROJECT_FILES,
      policy: (packSha256) => canaryPolicy(packSha256, named === null ? undefined : judgingParts(named)),
    },
    async ({ ground, policy }) => {
      const planter = await createPlanter(createCanaryRuns(ground), policy);
      const control = await planter.control();
      const outcomes = await plantAll(planter, canaries, (planted) =>
        output.live([`planted ${planted} of ${canaries.length}`]),
      );
      return { control, outcomes, pack_sha256: ground.pack.digest };
    },
  );
  const passed = control.passed && outcomes.every(({ status }) => status !== 'not_caught');
  show(output, control, outcomes, named);
  output.emit({
    passed,
    policy: named === null ? null : { path: named.path, sha256: named.sha256 },
    rules_version: RULES_VERSION,
    prompt_pack_sha256: pack_sha256,
    control,
    canaries: outcomes,
  });
  if (!passed) context.exit(1);
}

function chosen(wanted: string | undefined): readonly Canary[] {
  if (wanted === undefined) return CANARIES;
  const found = CANARIES.filter((canary) => canary.class === wanted);
  if (found.length > 0) return found;
  const classes = [...new Set(CANARIES.map((canary) => canary.class))];
  throw new PromptOsError('USAGE', `--class: there is no class "${wanted}".`, {
    hint: `Name one of: ${classes.join(', ')}.`,
  });
}

/** The policy that `--policy` names, or that of the repository; null where there is none. */
async function userPolicy(context: CommandContext, { policy: given }: CanaryOptions): Promise<NamedPolicy | null> {
  const path = given === undefined ? (await findProject(context)).files.policy : resolve(context.cwd, given);
  if (given === undefined && !existsSync(path)) return null;
  return { path, ...(await readPolicyInForce(path)) };
}

/** The parts of a policy that rules judge patches by. */
function judgingParts({ policy }: PolicyFile): JudgingPolicy {
  const { protected_paths, protected_tests, agent_files, limits } = policy;
  const { patch_bytes, patch_files } = limits;
  return {
    protected_paths,
    protected_tests,
    limits: { patch_bytes, patch_files },
    ...(agent_files === undefined ? {} : { agent_files }),
  };
}

const SHOWN = { caught: 'caught', not_caught: 'NOT CAUGHT', skipped: 'skipped' } as const;

function show(
  output: Output,
  control: ControlOutcome,
  outcomes: readonly CanaryOutcome[],
  named: NamedPolicy | null,
): void {
  if (output.json) return;
  const width = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length));
  const [names, classes, rules] = [
    width(outcomes.map(({ name }) => name)),
    width(outcomes.map((outcome) => outcome.class)),
    width(outcomes.map(({ expected }) => expected.rule ?? 'answer')),
  ];
  for (const { name, class: kind, status, expected, escalates, reason } of outcomes) {
    const how = `${expected.gate}  ${(expected.rule ?? 'answer').padEnd(rules)}  ${expected.effect.padEnd(12)}  ${escalates ? 'P08' : '   '}`;
    const why = reason === null ? '' : `  ${printableLine(reason)}`;
    output.say(`${SHOWN[status].padEnd(10)}  ${name.padEnd(names)}  ${kind.padEnd(classes)}  ${how}${why}`.trimEnd());
  }
  const { passed, gate, rules: found } = control;
  if (passed) output.say('honest change: passed every gate');
  else
    output.say(
      `HONEST CHANGE: ${gate} did not pass it (${found.join(', ') || printableLine(control.reason ?? 'no reason')})`,
    );
  const of = (status: CanaryOutcome['status']) => outcomes.filter((outcome) => outcome.status === status).length;
  const skipped = of('skipped') === 0 ? '' : `, ${of('skipped')} skipped`;
  const under = named === null ? 'the built-in policy' : printableLine(named.path);
  output.say(
    `${counted(outcomes.length, 'canary')} under ${under}: ${of('caught')} caught, ${of('not_caught')} not caught${skipped}`,
  );
}

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
  return withPassingFolder(tmpdir(), 'promptos-canary', async (root) => {
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
    return work({ ground: { ports, base_commit, pack, policy_sha256: sha256 }, policy });
  });
}
