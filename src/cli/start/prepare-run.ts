import { randomBytes } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import { type AskedFolder, gitConfigValue } from '../../adapters/git/facts.js';
import { type InspectedTarget, inspectTarget, resolveTarget } from '../../adapters/workspace/repository/target.js';
import type { StartRunOptions } from '../../client/options.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { createTrustRegistry, type PolicyFile, readPolicyInForce } from '../../config/policy-file.js';
import { readPromptPack } from '../../config/prompt-pack.js';
import { parseGates, readRunRequestFile, requestFromNotes } from '../../config/run-request-file.js';
import { invalidDocument, parseYaml, type YamlDocument } from '../../config/yaml-document.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import { own } from '../../contracts/json.js';
import { GATE_IDS, RUN_ID_PATTERN } from '../../contracts/names.js';
import type { RunRequest } from '../../contracts/run/run-request.js';
import { acceptStart, admitRequest, type StartFacts } from '../../domain/judge/admission.js';
import type { WorkerSetting } from '../../worker.js';
import type { CommandContext } from '../app/context.js';
import { findProject, type Project, readSetting, requireSetting } from '../app/project.js';
import { requireIntegrator } from '../app/require-integrator.js';
import { requireNoSecret } from '../app/require-no-secret.js';
import { namesOfRepository } from '../app/this-repository.js';
import { developerName } from './first-people.js';

export interface RunOptions {
  readonly prompts?: string;
  readonly developer: string;
  /** A folder, or a name that the worker config or the current repository knows. */
  readonly targetRepo: string;
  readonly notes?: string;
  readonly request?: string;
  readonly base?: string;
  readonly policy?: string;
  readonly workerConfig?: string;
  readonly promptPack?: string;
  readonly runId?: string;
  /** Integrators who decide while the command follows the run. */
  readonly as?: string;
  readonly decideAs?: string;
}

/** A run that can be started: everything was read and judged, nothing was written. */
export interface PreparedRun {
  readonly project: Project;
  /** Knows the target repository by the name that the run uses. */
  readonly setting: WorkerSetting;
  readonly start: StartRunOptions;
  readonly repository: string;
}

/** Where a run is carried out: its project, and a setting that knows its repository. */
export type RunPlace = Pick<PreparedRun, 'project' | 'setting'>;

/**
 * Reads and judges everything that a run starts from, before anything is started or written.
 * @throws PromptOsError for whatever is wrong with it
 */
export async function prepareRun(context: CommandContext, options: RunOptions): Promise<PreparedRun> {
  const developer = options.developer.trim();
  if (developer === '') throw new PromptOsError('DEVELOPER_EMPTY', 'The developer is empty.');
  if (options.runId !== undefined && !RUN_ID_PATTERN.test(options.runId)) {
    throw new PromptOsError('RUN_ID_INVALID', `"${options.runId}" is no run id.`);
  }
  const target = await findTarget(context, options);
  const project = await findProject(context, target, options.workerConfig);
  const policyPath = options.policy === undefined ? project.files.policy : resolve(context.cwd, options.policy);
  const policy = await readPolicyInForce(policyPath).catch((error: unknown) =>
    explainSparse(error, { folder: target, env: context.env }),
  );
  if (options.as !== undefined) requireIntegrator(policy.policy, options.as, '--as');
  if (options.decideAs !== undefined) requireIntegrator(policy.policy, options.decideAs, '--decide-as');
  const prompts = options.prompts ?? GATE_IDS.join(',');
  const gates = parseGates(prompts);
  const { setting, path: configPath } = await requireSetting(project);
  const pack = await readPromptPack(packFolder(context, options));
  const named = await nameRepository(setting.config, { folder: target, env: context.env });
  const facts: StartFacts = {
    ...policy,
    path: policyPath,
    run: { developer, target_repo: named.name, gates, prompt_os_version: pack.prompt_os_version },
    pack,
    trust: {
      digests: await createTrustRegistry(setting.config).trustedPolicies(),
      by: configPath,
      listed: setting.config.trust.policies,
    },
  };
  acceptStart(facts);
  const { request, written } = await readRequest(context, options, { ...policy, path: policyPath }, named.name);
  admitRequest(facts, { request, receivedGates: `--prompts: received "${prompts}"` });
  requireNoSecret(request, 'REQUEST_HOLDS_SECRET');
  const inspected = await inspectTarget(target, {
    scope: request.scope,
    env: project.environment.variables,
    ...(options.base === undefined ? {} : { base: options.base }),
  });
  judgeWrittenScope(context, written, inspected);
  if (inspected.untracked.length > 0) {
    const untracked = inspected.untracked.slice(0, 5).join(', ');
    context.output().note(`note: a run starts from a commit, so it does not see ${untracked} (untracked)`);
  }
  return {
    project,
    repository: target,
    setting: { ...setting, config: named.config },
    start: {
      runId: options.runId ?? makeRunId(request),
      developer,
      targetRepo: named.name,
      baseCommit: inspected.baseCommit,
      ...(inspected.baseBranch === null ? {} : { baseBranch: inspected.baseBranch }),
      gates,
      request,
      policy: policy.bytes,
      pack,
    },
  };
}

/** Who starts the run when the line does not say: the person at this machine, where the policy has that person. */
export async function findDeveloper(
  context: CommandContext,
  options: Pick<RunOptions, 'targetRepo' | 'workerConfig' | 'policy'>,
): Promise<string | null> {
  const target = await findTarget(context, options);
  const { files } = await findProject(context, target, options.workerConfig);
  const path = options.policy === undefined ? files.policy : resolve(context.cwd, options.policy);
  const asked = { folder: target, env: context.env };
  const { principals } = (await readPolicyInForce(path).catch((error) => explainSparse(error, asked))).policy;
  const name = await developerName(undefined, { folder: target, env: context.env });
  return own(principals, name)?.kind === 'human' ? name : null;
}

/** A name of the worker config means its path; anything else is a folder or the current repository's own name. */
export async function findTarget(
  context: CommandContext,
  options: Pick<RunOptions, 'targetRepo' | 'workerConfig'>,
): Promise<string> {
  const project = await findProject(context, undefined, options.workerConfig);
  if (project.workerConfigPath !== null && !isAbsolute(options.targetRepo)) {
    const { config } = await readSetting(project);
    const entry = config.repositories[options.targetRepo];
    if (entry !== undefined && 'path' in entry) return entry.path;
  }
  return (await resolveTarget(options.targetRepo, { cwd: context.cwd, env: context.env })).path;
}

/** A sparse checkout may leave out the project's own folder. */
async function explainSparse(error: unknown, target: AskedFolder): Promise<never> {
  if (!(error instanceof PromptOsError) || error.code !== 'POLICY_NOT_FOUND') throw error;
  if ((await gitConfigValue(target, 'core.sparseCheckout')) !== 'true') throw error;
  const hint = 'Run `git sparse-checkout add .promptos` if the repository has the folder.';
  throw new PromptOsError('POLICY_NOT_FOUND', `${error.summary} The checkout is sparse.`, { hint, cause: error });
}

const packFolder = (context: CommandContext, { promptPack }: RunOptions): string =>
  promptPack === undefined ? builtInPackDir() : resolve(context.cwd, promptPack);

/** The name that runs call the repository by; where the config has none, it is added. */
export async function nameRepository(
  config: WorkerConfig,
  { folder: path, env }: AskedFolder,
): Promise<{ name: string; config: WorkerConfig }> {
  const [name] = await namesOfRepository(config, { folder: path, env });
  if (config.repositories[name] !== undefined) return { name, config };
  return { name, config: { ...config, repositories: { ...config.repositories, [name]: { path } } } };
}

interface WrittenRequest {
  readonly request: RunRequest;
  readonly written: WrittenScope;
}

async function readRequest(
  context: CommandContext,
  options: RunOptions,
  { policy, bytes, path }: PolicyFile & { readonly path: string },
  project: string,
): Promise<WrittenRequest> {
  if (options.request === undefined) {
    const request = requestFromNotes({ notes: options.notes ?? '', policy, project });
    return { request, written: { document: parseYaml(bytes, path), key: 'default_scope' } };
  }
  const { request, document } = await readRunRequestFile(resolve(context.cwd, options.request));
  const noted = options.notes === undefined ? request : { ...request, notes: options.notes };
  return { request: noted, written: { document, key: 'scope' } };
}

const SLUG_LENGTH = 28;

/** Such as `20260131-1205-round-half-even-3f9a`: sorts by time and can be read aloud. */
function makeRunId({ task }: RunRequest): string {
  const [day = '', time = ''] = new Date().toISOString().replaceAll(/[-:]/g, '').split('T');
  return [day, time.slice(0, 4), slugOf(task.title), randomBytes(2).toString('hex')].filter(Boolean).join('-');
}

/** Whole words of a title as far as they fit, for ids; empty when it has none of a to z and 0 to 9. */
function slugOf(title: string): string {
  const [first = '', ...words] = title.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  let slug = first.slice(0, SLUG_LENGTH);
  for (const word of words) {
    if (slug.length + 1 + word.length > SLUG_LENGTH) break;
    slug += `-${word}`;
  }
  return slug;
}

/** Where the scope of a run is written: a request file, or the policy whose default it is. */
export interface WrittenScope {
  readonly document: YamlDocument;
  readonly key: 'scope' | 'default_scope';
}

/**
 * Says at its line which glob matches nothing in the base commit, and refuses one that matches other files in each of its
 * two readings.
 * @throws PromptOsError REQUEST_INVALID, POLICY_INVALID
 */
export function judgeWrittenScope(
  context: CommandContext,
  { document, key }: WrittenScope,
  { baseCommit, scope }: InspectedTarget,
): void {
  const twofold = scope.twofold.map(({ list, index, glob, write }) => ({
    path: [key, list, index],
    text: `the glob "${glob}" is a name and a set of characters, and both match files; write "${write}" for the name`,
  }));
  if (twofold.length > 0) {
    throw invalidDocument(document, twofold, key === 'scope' ? 'REQUEST_INVALID' : 'POLICY_INVALID');
  }
  for (const { list, index, glob } of scope.idle) {
    const { line } = document.locate([key, list, index]);
    const place = `${document.name}:${line}: ${key}.${list}[${index}]`;
    const meaning = list === 'deny' ? 'it forbids new files only' : 'it allows new files only';
    const what = `the glob "${glob}" matches no file of the base commit ${baseCommit.slice(0, 12)}`;
    context.output().note(`note: ${place}: ${what}; ${meaning}`);
  }
}
