import { existsSync } from 'node:fs';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type AskedFolder, isTracked, repositoryName } from '../../adapters/git/facts.js';
import { replaceFile } from '../../adapters/platform/durable-files.js';
import { withLock } from '../../adapters/platform/lock.js';
import { makeFolders } from '../../adapters/platform/make-folders.js';
import { findSandbox, type SandboxAvailability } from '../../adapters/sandbox/available.js';
import { refuseExistingFiles, writeNewFiles } from '../../config/files.js';
import { checkName, type ProjectSetup, renderFirstPolicy, renderFirstWorkerConfig } from '../../config/first-policy.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { ensureStateFolder, type ProjectFiles } from '../../config/project-files.js';
import { findChecks, findScope } from '../../config/project-kinds.js';
import { findSetup } from '../../config/project-setup.js';
import { readPromptPack } from '../../config/prompt-pack.js';
import { shareState } from '../../config/shared-state.js';
import { messageOf, PromptOsError, writeFailure } from '../../contracts/errors.js';
import { slugName } from '../../contracts/sentences.js';
import { publicKeyLine } from '../../domain/attest/public-keys.js';
import { type CommandContext, programOf } from '../app/context.js';
import type { Output } from '../app/output.js';
import { shellWord } from '../app/printable.js';
import { findProject, type Project, storeFolder } from '../app/project.js';
import { withoutBreak } from '../app/stop-signals.js';
import { type ChosenAgent, chooseAgent, type FirstAgentSetup, findAgentNeeds } from './first-agent.js';
import { type FirstKey, planFirstKeys, policyLine, WORKER_SIGNERS, writeFirstKeys } from './first-keys.js';
import {
  findIntegratorKey,
  findPeople,
  type InitQuestions,
  type PeopleOptions,
  terminalInitQuestions,
} from './first-people.js';

/**
 * Keeps what is not to be committed out of git, beside whatever the file says already.
 * @param written gets the path of the file when there was none
 */
async function ignoreOurs(home: string, written: string[]): Promise<void> {
  const path = join(home, '.gitignore');
  const found = await readFile(path, 'utf8').catch(() => null);
  const text = found ?? '';
  const lines = text.split(/\r?\n/).map((line) => line.trim().replace(/^\/|\/$/g, ''));
  const missing = ['state', 'keys'].filter((folder) => !lines.includes(folder)).map((folder) => `${folder}/\n`);
  if (missing.length === 0) return;
  try {
    await replaceFile({ path, text: `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${missing.join('')}` });
  } catch (error) {
    throw writeFailure(`${path}: cannot be written (${messageOf(error)}).`, error);
  }
  if (found === null) written.push(path);
}

/** Files that git has and the checkout lacks, as a sparse one does: a new set-up would replace keys that others use. */
async function refuseCommittedFiles(paths: readonly string[], asked: AskedFolder): Promise<void> {
  for (const path of paths) {
    if (!(await isTracked(asked, path))) continue;
    throw new PromptOsError('FILE_EXISTS', `Nothing was written: git has ${path}, and the checkout lacks it.`, {
      hint: `Run \`git restore ${shellWord(path)}\`, or in a sparse checkout \`git sparse-checkout add .promptos\`. --force writes a new one.`,
    });
  }
}

/**
 * Writes a set-up whole or not at all: half of one would be taken for a set-up that someone chose. One at a time in a
 * project: what one that fails removes, no other has built on.
 */
async function writeSetup(files: ProjectFiles, keys: readonly FirstKey[], setup: ProjectSetup, force: boolean) {
  const { home, state, policy, workerConfig } = files;
  const lock = join(state, 'init.lock');
  try {
    await makeFolders(home);
    await makeFolders(lock, 0o700);
    await withLock(lock, {}, async () => {
      if (!force) refuseExistingFiles([policy, workerConfig]);
      const written: string[] = [];
      try {
        // Before any key is written, so that none is ever within reach of `git add`.
        await ignoreOurs(home, written);
        await writeFirstKeys(keys, written);
        // Before the policy, since a project has one from then on. For container engines: Docker makes a folder that is to
        // be mounted as root.
        const ignored = join(state, '.gitignore');
        if (!existsSync(ignored)) written.push(ignored);
        await ensureStateFolder(files);
        await writeNewFiles(
          [
            { path: policy, text: renderFirstPolicy(setup) },
            { path: workerConfig, text: renderFirstWorkerConfig(setup) },
          ],
          force,
        );
      } catch (error) {
        await Promise.allSettled(written.map((path) => rm(path, { force: true })));
        throw error;
      }
    });
  } catch (error) {
    const failure =
      error instanceof PromptOsError ? error : writeFailure(`${lock}: cannot be written (${messageOf(error)}).`, error);
    // The folders of another init's set-up, or of an earlier one, stay.
    if (existsSync(policy)) throw failure;
    // Those that are empty now, the deepest first.
    const ofKeys = keys.flatMap(({ path, pem }) => (path === null || pem === null ? [] : [dirname(path)]));
    for (const folder of new Set([lock, ...ofKeys, state, home])) await rmdir(folder).catch(() => undefined);
    throw failure;
  }
}

/** What must be known of the keys and of the machine before anybody relies on them. */
function warningsOf(
  { developer, integrator }: ProjectSetup,
  keys: readonly FirstKey[],
  sandbox: SandboxAvailability,
): readonly string[] {
  const people = keys.filter(({ name }) => !WORKER_SIGNERS.includes(name));
  const open = people.filter(({ path, passphrase }) => path !== null && !passphrase).map(({ name }) => name);
  const theirs = people.find(({ name }) => name === integrator && integrator !== developer);
  return [
    ...(sandbox.kind === 'none'
      ? [
          `NO SANDBOX: ${sandbox.reason}, and a worker with this config carries out no gate without one. ${sandbox.install} Or write \`sandbox: none\` in worker.yaml: agents and checks can then read and change whatever your account can, and each record says so.`,
        ]
      : []),
    ...(open.length === 0
      ? []
      : [
          `NO PASSPHRASE: ${open.length === 1 ? `the key of ${open[0]} has` : `the keys of ${open.join(' and ')} have`} no passphrase. Every program that runs under your account, an agent too, can sign as ${open.join(' or ')}. docs/keys.md says what helps.`,
        ]),
    ...(theirs === undefined || theirs.path === null
      ? []
      : [
          `The private key of ${integrator} is on this machine, in ${theirs.path}: until that changes, anyone with access to your account can decide as ${integrator}. Hand the file over to ${integrator} and remove it here; or put the line of ${integrator}'s own key in its place in the policy (\`promptos keys generate --for ${integrator}\` prints it, and init takes it as --integrator-key).`,
        ]),
  ];
}

interface WrittenProject {
  readonly files: ProjectFiles;
  readonly setup: ProjectSetup;
  readonly keys: readonly FirstKey[];
  readonly assumptions: readonly string[];
  readonly shared: readonly string[];
  readonly agent: FirstAgentSetup | null;
  /** What the chosen agent lacks on this machine, one sentence each. */
  readonly agentNeeds: readonly string[];
  /** What the machine has. */
  readonly sandbox: SandboxAvailability;
}

/** What is left to do, in order. Of a set-up with an agent and a check nothing is left to write. */
function nextSteps({ setup, agentNeeds }: WrittenProject): readonly string[] {
  const { integrator, developer, agent } = setup;
  const except = `promptos except --setup --as ${integrator} --reason "Introduces the policy" --expires 365d, then commit its file: no run made the commit of both files.`;
  const commit =
    'Read both files and commit them. The keys are not committed: keep a copy of your own in a safe place.';
  const rest = [commit, except, 'promptos doctor'];
  // Without a check no run is started.
  const check =
    setup.checks.length > 0 ? [] : ['Name a test command under `checks` and `default_checks` in policy.yaml.'];
  return agent === null
    ? [
        ...check,
        'Put your agents under `executors` in worker.yaml (docs/executors.md shows how).',
        ...rest,
        `promptos dev --prompts "P00,P01,P03,P05,P06,P07" --developer "${developer}" --target-repo . --notes "…"`,
      ]
    : [...check, ...agentNeeds, 'promptos dev --notes "…"', ...rest];
}

function showWritten(output: Output, written: WrittenProject): void {
  const { files, setup, keys, assumptions, shared, agent: chosen, agentNeeds, sandbox } = written;
  const { policy, workerConfig } = files;
  const checks = setup.checks.map((check) => ({ name: checkName(check, setup.checks), argv: check.argv }));
  const warnings = warningsOf(setup, keys, sandbox);
  const keyLines = keys.map(({ name, path, publicKey, passphrase, pem }) => {
    const lock = passphrase ? 'with passphrase' : 'no passphrase';
    const kept = `${path}, ${lock}${pem === null ? ', was there' : ''}`;
    return `Key of ${name}: ${publicKey.keyid} (${path === null ? 'the public key that was given' : kept})`;
  });
  const approval = setup.alone ? 'allowed' : 'refused';
  const noChecks = 'No test command was found: name one under `checks` and `default_checks` in the policy.';
  const agent = chosen === null ? [] : [`Agent of every role: ${chosen.title}`];
  for (const line of [
    `Written: ${policy}`,
    `         ${workerConfig}`,
    ...keyLines,
    '',
    `Developer ${setup.developer}, integrator ${setup.integrator}; self-approval ${approval}.`,
    ...agent,
    ...(checks.length === 0 ? [noChecks] : checks.map(({ name, argv }) => `Check ${name}: ${argv.join(' ')}`)),
    ...setup.setup.map(({ name, argv }) => `Set-up ${name}: ${argv.join(' ')}`),
    `Scope of a run without a request file: ${setup.scope.join(', ')}`,
    ...assumptions.map((assumption) => `Note: ${assumption}`),
  ]) {
    output.say(line);
  }
  for (const warning of warnings) output.note(`warning: ${warning}`);
  for (const line of ['', 'Next:', ...nextSteps(written).map((step, index) => `  ${index + 1}. ${step}`)]) {
    output.say(line);
  }
  output.emit({
    policy,
    worker_config: workerConfig,
    repository: setup.repository,
    developer: setup.developer,
    integrator: setup.integrator,
    self_approval: approval,
    agent: chosen?.name ?? null,
    agent_needs: agentNeeds,
    checks,
    setup: setup.setup.map(({ name, argv, hosts }) => ({ name, argv, hosts })),
    default_scope: setup.scope,
    keys: keys.map(({ name, path, publicKey, passphrase, pem }) => ({
      name,
      path,
      public: publicKeyLine(publicKey),
      keyid: publicKey.keyid,
      passphrase: path === null ? null : passphrase,
      made: pem !== null,
    })),
    sandbox: sandbox.kind,
    assumptions,
    warnings,
    shared,
  });
}

async function share(output: Output, project: Project, group: string): Promise<readonly string[]> {
  const shared = await shareState(project.files, await storeFolder(project), group);
  for (const folder of shared) output.say(`Shared with ${group}: ${folder}`);
  output.say(`Members of ${group} see the runs, decide with their own keys, and find the server. No key is shared.`);
  output.say(`They work in a clone of their own, where they set PROMPTOS_HOME=${shellWord(project.files.home)}.`);
  return shared;
}

export interface InitOptions extends PeopleOptions {
  readonly yes?: true;
  readonly integratorKey?: string;
  readonly passphrase: boolean;
  readonly force?: true;
  readonly shareWith?: string;
  readonly agent?: ChosenAgent;
}

export async function initProject(
  context: CommandContext,
  options: InitOptions,
  questions: InitQuestions = terminalInitQuestions,
): Promise<void> {
  const output = context.output();
  const project = await findProject(context);
  const { files } = project;
  if (options.shareWith !== undefined && options.force !== true && existsSync(files.policy)) {
    output.emit({ shared: await share(output, project, options.shareWith) });
    return;
  }
  if (files.repository === null) {
    throw new PromptOsError('REPO_NOT_GIT', `${context.cwd} is in no git repository with a working tree.`, {
      hint: 'Run it inside the working tree of a repository; `git init` makes one.',
    });
  }
  const top = files.repository;
  const force = options.force === true;
  // Before any question, so that no passphrase is typed in vain.
  if (!force) {
    refuseExistingFiles([files.policy, files.workerConfig]);
    await refuseCommittedFiles([files.policy, files.workerConfig], { folder: top, env: context.env });
  }
  const chosen = options.agent === undefined ? null : chooseAgent(options.agent, context, files.home);
  const asked = output.interactive && options.yes !== true ? questions : null;
  const { assumptions: assumed, ...people } = await findPeople(options, { folder: top, env: context.env }, asked);
  const workerKeys = join(files.home, 'keys');
  const integratorKey = await findIntegratorKey(context, { people, given: options.integratorKey, questions: asked });
  const { passphrase } = options;
  const keys = await planFirstKeys(context, { people, workerKeys, integratorKey, passphrase, questions: asked });
  const setup: ProjectSetup = {
    ...people,
    agent: chosen?.setup ?? null,
    repository: slugName(await repositoryName({ folder: top, env: context.env })) ?? 'repository',
    repositoryPath: relative(files.home, top) || '.',
    checks: await findChecks(top),
    setup: await findSetup(top),
    scope: await findScope(top),
    packDigest: (await readPromptPack(builtInPackDir(), context.env)).digest,
    publicKeys: Object.fromEntries(keys.map((key) => [key.name, policyLine(key)])),
    signers: Object.fromEntries(WORKER_SIGNERS.map((name) => [name, `keys/${name}.pem`])),
  };
  await withoutBreak(
    () => writeSetup(files, keys, setup, force),
    () =>
      output.note(
        `Stopped. The set-up is complete in ${files.home}; \`${programOf(context)} doctor\` says what is next.`,
      ),
  );
  const shared = options.shareWith === undefined ? [] : await share(output, project, options.shareWith);
  const sandbox = await findSandbox({ path: context.env.PATH });
  const agentNeeds = chosen === null ? [] : await findAgentNeeds(chosen, context.env, files.home);
  const assumptions = [...assumed, ...(chosen?.assumptions ?? [])];
  showWritten(output, { files, setup, keys, assumptions, shared, agent: chosen, agentNeeds, sandbox });
}
