import { stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import coerce from 'semver/functions/coerce.js';
import gte from 'semver/functions/gte.js';
import { resolveArguments } from '../../adapters/executor/command-line.js';
import {
  AGENT_PRESETS,
  executorLacks,
  installedProgram,
  resolveExecutor,
} from '../../adapters/executor/presets/presets.js';
import { gitVersion, hasCommit, isGitIgnored, OLDEST_GIT, unpushedCommit } from '../../adapters/git/facts.js';
import { findProgram, whyNoProgram } from '../../adapters/platform/find-program.js';
import { withPassingFolder } from '../../adapters/platform/leftovers.js';
import { findSandbox, type SandboxAvailability } from '../../adapters/sandbox/available.js';
import { checkS3Store } from '../../adapters/store/s3/s3-store.js';
import { readTemporalConnection } from '../../config/environment.js';
import { createTrustRegistry } from '../../config/policy-file.js';
import { findRepositoryTop } from '../../config/project-files.js';
import { readPackFolder, readPromptPack } from '../../config/prompt-pack.js';
import { readWorkerConfig } from '../../config/worker-config-file.js';
import { type ExecutorConfig, isStarted, type StartedExecutorConfig } from '../../contracts/config/executor-config.js';
import { serviceHost } from '../../contracts/config/model-executor.js';
import type { S3StoreConfig } from '../../contracts/config/store-config.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { isDiskFull, PromptOsError, systemCode } from '../../contracts/errors.js';
import { EXECUTOR_ROLES, engineTaskQueue } from '../../contracts/names.js';
import { counted } from '../../contracts/sentences.js';
import { lintPack } from '../../prompt-pack/lint.js';
import { type RunQueue, runQueues } from '../app/connect.js';
import {
  fail,
  NotLookedAt,
  ok,
  type Probe,
  type ProbeResult,
  policyProbe,
  readablePolicy,
  readableWorker,
  setupProbe,
  warn,
  workerOrNull,
} from './probe.js';

const OLDEST_NODE = '20.19';
/** Less than this and a run of some size may not fit. */
const LITTLE_SPACE_BYTES = 200 * 1_024 * 1_024;

/** Whether a version such as `20.20.2`, or `2.39` as some builds of git print it, is at least `20.19`. */
const isAtLeast = (version: string, oldest: string): boolean =>
  gte(coerce(version) ?? '0.0.0', coerce(oldest) ?? '0.0.0');

/** The nearest folder that is there: what is missing below it would be made. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found !== null) return path;
  return nearestFolder(dirname(path));
}

async function tryStore(path: string): Promise<ProbeResult> {
  const folder = await nearestFolder(path);
  try {
    await withPassingFolder(folder, '.promptos-doctor', async () => undefined);
  } catch (error) {
    throw new PromptOsError(
      isDiskFull(error) ? 'STORE_FULL' : 'STORE_NOT_WRITABLE',
      `${path}: nothing can be written in ${folder} (${systemCode(error) ?? String(error)}).`,
      { cause: error },
    );
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= LITTLE_SPACE_BYTES) return ok(path);
  return warn(`${path}: ${Math.floor(free / 1_048_576)} MiB are free`, 'Free some space on the disk of the store.');
}

async function tryS3Store(store: S3StoreConfig): Promise<ProbeResult> {
  await checkS3Store(store);
  return ok(`s3://${store.bucket}/${store.prefix}${store.endpoint === undefined ? '' : ` at ${store.endpoint}`}`);
}

/** @param version of Node */
export const judgeNode = (version: string): ProbeResult =>
  isAtLeast(version, OLDEST_NODE)
    ? ok(version)
    : fail(`expected ${OLDEST_NODE} or newer, received ${version}`, `Install Node ${OLDEST_NODE} or newer.`);

const USE_SANDBOX =
  'Remove `sandbox: none` from worker.yaml; docs/sandbox.md says what a sandbox keeps from the programs.';

/**
 * What executors and checks run in on this machine.
 * @param config null where none can be read
 */
function judgeSandbox(
  machine: SandboxAvailability,
  config: Pick<WorkerConfig, 'executors' | 'checks' | 'sandbox'> | null,
): ProbeResult {
  const found =
    machine.kind === 'none'
      ? `none: ${machine.reason}`
      : [machine.kind, machine.version, machine.program].filter((part) => part !== null).join(' ');
  if (config !== null && Object.keys(config.executors).length + config.checks.allow.length === 0) {
    return ok(`not needed: this worker starts no executor and no check (this machine has ${found})`);
  }
  if (config?.sandbox === 'none') {
    const said = `the worker config says \`sandbox: none\`, so executors and checks can read and change whatever this account can (this machine has ${found})`;
    return warn(said, machine.kind === 'none' ? `${machine.install} ${USE_SANDBOX}` : USE_SANDBOX);
  }
  if (machine.kind !== 'none') return ok(found);
  const next = `${machine.install} Or write \`sandbox: none\` in worker.yaml: the record of each run then says so.`;
  return config === null ? warn(found, next) : fail(`${found}; the worker config asks for a sandbox`, next);
}

/** The program of an executor, or the model and its service: that program is ours. */
const whatDoesTheWork = (config: StartedExecutorConfig): string =>
  config.kind === 'model' ? `${config.model} at ${serviceHost(config)}` : installedProgram(config);

/** Node, git, Temporal, the sandbox, the store and the state folder. */
export const MACHINE_PROBES: Readonly<Record<string, Probe>> = {
  node: async () => judgeNode(process.versions.node),
  git: async ({ files, env }) => {
    const version = await gitVersion({ folder: files.repository ?? process.cwd(), env });
    if (!isAtLeast(version, OLDEST_GIT)) {
      return fail(`expected ${OLDEST_GIT} or newer, received ${version}`, `Install git ${OLDEST_GIT} or newer.`);
    }
    if (files.repository !== null) return ok(`${version}, repository ${files.repository}`);
    return warn(`${version}; this folder is in no git repository`, 'Run it inside the repository that runs are for.');
  },
  'temporal cli': async ({ env, temporal }) => {
    if (readTemporalConnection(env) !== null) return ok('not needed: no embedded server is used');
    const binary = await temporal.findBinary();
    if (binary !== null) return ok(`${binary.version}, ${binary.path}`);
    return warn(
      'none is there yet',
      '`promptos dev` or `promptos demo` fetches the pinned one; this needs the network.',
    );
  },
  'temporal server': async ({ env, files, temporal }) => {
    const connection = readTemporalConnection(env);
    if (connection !== null) {
      await temporal.reach(connection);
      const { address = 'localhost:7233' } = connection.connectionOptions;
      const namespace = connection.namespace ?? 'default';
      return ok(`${address}, namespace ${namespace}, named by ${connection.named_by.join(', ')}`);
    }
    const server = await temporal.findServer(files.state);
    if (server !== null) return ok(`embedded at ${server.address}, web UI ${server.ui_url}`);
    return ok('embedded; none runs now, `promptos dev` starts it');
  },
  /** Whether each queue of the named server has a worker; `dev` starts a worker for the embedded server by itself. */
  workers: async (setting) => {
    const connection = readTemporalConnection(setting.env);
    if (connection === null) return ok('started by `promptos dev` with the embedded server');
    const queues = runQueues(engineTaskQueue((await workerOrNull(setting)) ?? {}));
    const counts = await Promise.all(queues.map((queue) => setting.temporal.pollers(connection, queue)));
    const named = (some: readonly RunQueue[]) => some.map(({ name, carries }) => `${name} (${carries})`).join(', ');
    const idle = queues.filter((_, index) => counts[index] === 0);
    if (idle.length === 0) return ok(`each of ${queues.map(({ name }) => name).join(', ')} has one`);
    return warn(
      `no worker polls ${named(idle)}`,
      'Start `promptos worker` where the key of that role is, or give `dev --worker`.',
    );
  },
  sandbox: async (setting) => {
    const config = await workerOrNull(setting);
    const machine = await findSandbox({ path: setting.env.PATH });
    return judgeSandbox(machine, config);
  },
  store: async (setting) => {
    const store = (await workerOrNull(setting))?.store;
    return store?.kind === 's3' ? tryS3Store(store) : tryStore(store?.path ?? setting.files.artifacts);
  },
  'state folder': async ({ files, env }) => {
    const { repository, state, home } = files;
    if (repository === null || !`${state}/`.startsWith(`${repository}/`))
      return ok(`${state}, outside of any repository`);
    if (await isGitIgnored({ folder: repository, env }, join(state, 'server.json')))
      return ok(`${state}, ignored by git`);
    return warn(
      `${state} is not ignored by git`,
      `Add the line "state/" to ${join(home, '.gitignore')}; \`promptos init\` does it.`,
    );
  },
};

/** The policy, the worker config, and everything that they name. */
export const PROJECT_PROBES: Readonly<Record<string, Probe>> = {
  policy: policyProbe,
  'worker config': async ({ files }) => {
    await readWorkerConfig(files.workerConfig);
    return ok(files.workerConfig);
  },
  repositories: async (setting) => {
    const config = await readableWorker(setting);
    const entries = Object.entries(config.repositories);
    if (entries.length === 0)
      return warn('none is configured', 'Add the repository under `repositories` in worker.yaml.');
    const problems: string[] = [];
    for (const [name, entry] of entries) {
      if (!('path' in entry)) continue;
      // A folder that is missing may be below a repository.
      const found = (await stat(entry.path).catch(() => null)) && (await findRepositoryTop(entry.path));
      if (found === null) problems.push(`${name}: ${entry.path} is no git repository`);
    }
    if (problems.length === 0) return ok(entries.map(([name]) => name).join(', '));
    return fail(problems.join('; '), 'Correct the path under `repositories` in worker.yaml.');
  },
  /** A worker on another machine fetches the base commit of a run from the URL that its config names. */
  'base commit': async (setting) => {
    const { repository } = setting.files;
    const config = await workerOrNull(setting);
    if (config === null || repository === null) throw new NotLookedAt('worker config or the repository');
    const fetched = Object.entries(config.repositories).filter(([, entry]) => 'url' in entry);
    if (!(await hasCommit({ folder: repository, env: setting.env })))
      return fail('HEAD is no commit: a run starts from one', 'Make a first commit in the repository.');
    if (fetched.length === 0) return ok('read from this repository, pushed or not');
    const unpushed = await unpushedCommit({ folder: repository, env: setting.env });
    if (unpushed === null) return ok('pushed');
    return warn(
      `HEAD, ${unpushed.commit.slice(0, 12)}, is on no remote branch: workers fetch ${fetched.map(([name]) => name).join(', ')} by URL and cannot get it`,
      `Push it before a run starts from it: git push origin ${unpushed.branch}`,
    );
  },
  'policy trusted': async (setting) => {
    const policy = await readablePolicy(setting);
    const config = await readableWorker(setting);
    const trusted = await createTrustRegistry(config).trustedPolicies();
    if (trusted.has(policy.sha256)) return ok('by the worker config');
    return fail(
      `The worker config trusts ${counted(trusted.size, 'policy')}, and this one is not among them.`,
      'Add policy.yaml to trust.policies in worker.yaml.',
    );
  },
  'prompt pack': async (setting) => {
    const { findings, passed } = lintPack(await readPackFolder(setting.pack));
    if (!passed) {
      const errors = findings.filter(({ severity }) => severity === 'error');
      const [first] = errors;
      const shown = first === undefined ? '' : `, first ${first.path}:${first.line} ${first.message}`;
      return fail(
        `${setting.pack}: the linter found ${counted(errors.length, 'error')}${shown}`,
        'Run `promptos lint` and correct what it names.',
      );
    }
    const { digest, prompt_os_version } = await readPromptPack(setting.pack, setting.env);
    const policy = await readablePolicy(setting);
    if (policy.policy.prompt_packs.includes(digest))
      return ok(`${prompt_os_version}, lint passed, trusted by the policy`);
    return fail(`The policy does not trust the pack ${digest}.`, `Add "${digest}" to prompt_packs in policy.yaml.`);
  },
  executors: async (setting) => {
    const policy = await readablePolicy(setting);
    const config = await readableWorker(setting);
    const folder = dirname(setting.files.workerConfig);
    const problems: string[] = [];
    const found: string[] = [];
    const installs = new Set<string>();
    const unknown: string[] = [];
    let unconfigured = false;
    const used: Record<string, ExecutorConfig> = {};
    for (const role of EXECUTOR_ROLES.filter((one) => config.roles.includes(one))) {
      const principal = policy.policy.roles[role];
      const configured = config.executors[principal];
      if (configured === undefined) {
        problems.push(`${role}: "${principal}" has no executor`);
        unconfigured = true;
        continue;
      }
      if (!isStarted(configured)) {
        found.push(`${role}: handed off`);
        const { principals, separation } = policy.policy;
        if (separation.executors === 'distinct' && principals[principal]?.kind === 'agent') unknown.push(principal);
        continue;
      }
      used[principal] = configured;
      const executor = resolveExecutor(configured, 'none');
      const named = installedProgram(configured);
      const [program = ''] = resolveArguments([named], folder);
      const path = executor.env.set.PATH ?? (executor.env.allow.includes('PATH') ? setting.env.PATH : undefined);
      if (findProgram(program, path) !== null) {
        found.push(`${role}: ${whatDoesTheWork(configured)}`);
        continue;
      }
      problems.push(`${role}: ${await whyNoProgram(program, path)}`);
      if (configured.kind === 'preset') installs.add(AGENT_PRESETS[configured.agent].install);
    }
    const lacks = executorLacks(used, setting.env);
    const lacking = lacks.map(({ message }) => message);
    if (problems.length === 0 && lacks.length > 0) {
      const isOfKeys = lacks.every(({ code }) => code === 'EXECUTOR_KEY_MISSING');
      const next = isOfKeys ? 'Start promptos with the variable set' : 'Do what is named, then start promptos again';
      return fail(lacking.join('\n'), `${next}; docs/agents has a page for each agent.`);
    }
    if (problems.length === 0 && unknown.length > 0) {
      return fail(
        `The policy asks for different executors, and no program is known of agents whose gates are handed off: ${unknown.join(', ')}.`,
        'Set separation: { executors: any } in the policy, or give the role to a person; docs/handoff.md says why.',
      );
    }
    if (problems.length === 0) return ok(found.join(', ') || 'this worker carries out no role');
    const install = installs.size === 0 ? 'Install the program' : `Install the agent (${[...installs].join('; ')})`;
    return fail(
      [...problems, ...lacking].join('; '),
      unconfigured
        ? 'Put the agents under `executors` in worker.yaml; docs/executors.md shows how.'
        : `${install}, or correct the executor in worker.yaml.`,
    );
  },
  'set-up': setupProbe,
  checks: async (setting) => {
    const policy = await readablePolicy(setting);
    const config = await readableWorker(setting);
    const checks = Object.entries(policy.policy.checks);
    if (checks.length === 0) {
      return fail(
        'The policy has no check, so every run fails at P06.',
        'Add the test command under `checks` in policy.yaml.',
      );
    }
    const { roles } = config;
    if (!EXECUTOR_ROLES.some((role) => roles.includes(role))) return ok('this worker carries out no role');
    const { baseline } = policy.policy;
    const forBaseline = roles.includes('writer') && baseline !== 'off';
    if (!roles.includes('verifier') && !forBaseline) return ok('this worker runs no checks');
    const { allow, env } = config.checks;
    const denied = checks.map(([name]) => name).filter((name) => !allow.includes('*') && !allow.includes(name));
    if (denied.length > 0) {
      const next = `Add ${denied.join(', ')} to checks.allow in worker.yaml.`;
      const said = `The worker config does not grant ${denied.join(', ')}`;
      if (roles.includes('verifier')) return fail(`${said}.`, next);
      return baseline === 'block'
        ? fail(`${said}, so P00 cannot run what the policy asks for (baseline: block), and fails.`, next)
        : warn(`${said}, so P00 does not see what fails on the base commit already.`, next);
    }
    const path = env.set.PATH ?? (env.allow.includes('PATH') ? setting.env.PATH : undefined);
    const missing: string[] = [];
    for (const [name, { argv }] of checks) {
      const [program = ''] = argv;
      // A program with a slash in its name is in the checkout, which does not exist yet.
      if (program.includes('/') || findProgram(program, path) !== null) continue;
      missing.push(`${name}: ${await whyNoProgram(program, path)}`);
    }
    if (missing.length === 0) return ok(checks.map(([name]) => name).join(', '));
    return fail(missing.join('; '), 'Install the program, or correct argv in policy.yaml.');
  },
};
