import { existsSync } from 'node:fs';
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userGitEnv, type Variables } from '../../adapters/git/environments.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { openStore } from '../../adapters/open-store.js';
import { markedPath, removeLeftovers } from '../../adapters/platform/leftovers.js';
import { makeFolders } from '../../adapters/platform/make-folders.js';
import { findSandbox } from '../../adapters/sandbox/available.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { readPolicy } from '../../config/policy-file.js';
import { readPromptPack } from '../../config/prompt-pack.js';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { judgeTree } from '../../verify/verify-tree.js';
import type { WorkerSetting } from '../../worker.js';
import { type CommandContext, programOf } from '../app/context.js';
import { printableLine } from '../app/printable.js';
import { withoutBreak } from '../app/stop-signals.js';
import { createRunCatalogue } from '../audit/commits/run-catalogue.js';
import { traceRun } from '../audit/trace/trace.js';
import { renderTrace } from '../audit/trace/trace-subject.js';
import { openPublishedTree, verifyRun } from '../audit/verify/verify-run.js';
import { writeThrowawayKeys } from '../start/first-keys.js';
import type { PreparedRun } from '../start/prepare-run.js';

const DEVELOPER = 'ada';
/** How a demonstration that is being made is called. */
const BUILDING = 'promptos-making';

export interface DemoOptions {
  readonly directory: string;
  readonly decideAs?: string;
  readonly integrator: string;
}

/** Starts the demonstration's run, or carries on with it, and audits what it left. */
export async function runDemo(context: CommandContext, options: DemoOptions): Promise<void> {
  const { prepareRun } = await import('../start/prepare-run.js');
  const { runAndFollow } = await import('../start/start-run.js');
  const output = context.output();
  const directory = resolve(context.cwd, options.directory);
  const folder = shown(context, directory);
  const project = await withoutBreak(
    () => ensureDemoProject(directory, context.env),
    () => output.note(`Stopped. ${folder} is made; \`${programOf(context)} demo\` goes on with it.`),
  );
  output.say(`${project.made ? 'made' : 'found'}    ${folder}: a small git repository with a failing test`);
  output.say(`keys    throwaway ones of this demonstration, without passphrase: ${shown(context, project.keys)}`);

  const unattended = options.decideAs ?? (output.interactive ? undefined : options.integrator);
  if (unattended !== undefined) output.say(`decides ${unattended}, without asking anybody: this is a demonstration`);
  const choices = {
    worker: false,
    // What is carried on with is the run that the folder remembers.
    forceNew: true,
    ...(unattended === undefined ? { askAs: options.integrator } : { decideAs: unattended }),
  };

  const prepared = await prepareRun(context, {
    developer: DEVELOPER,
    targetRepo: project.repository,
    request: project.request,
    ...(unattended === undefined ? {} : { decideAs: unattended }),
  });
  if (prepared.setting.config.sandbox === 'none') output.say(`sandbox ${await withoutSandbox(context.env)}`);
  const open = await openRun(context, project, prepared);
  if (open === null) await writeFile(project.currentRun, `${prepared.start.runId}\n`);
  else output.say(`resumes the run ${open} that an earlier demonstration left`);
  const select = open === null ? null : async () => open;
  const ended = await runAndFollow(context, { place: prepared, select }, choices);
  if (!ended) {
    output.say(
      `Or type \`${programOf(context)} demo\` again: it carries on with the same run. The Temporal server stays until \`${programOf(context)} -C ${folder} server stop\`.`,
    );
    return;
  }
  await auditDemo(context, project, { setting: prepared.setting, runId: open ?? prepared.start.runId });
  showNext(context, project);
}

/** Why the demonstration's worker config says that there is none, in one line. */
async function withoutSandbox(env: Variables): Promise<string> {
  const machine = await findSandbox({ path: env.PATH });
  const why = machine.kind === 'none' ? machine.reason : 'this machine had none when the demonstration was made';
  return `none: ${why}. The agents of this demonstration are its own, so it goes on without one`;
}

const shown = (context: CommandContext, path: string): string => relative(context.cwd, path) || '.';

/** The run of an earlier demonstration that has not ended, or null. */
async function openRun(context: CommandContext, project: DemoProject, prepared: PreparedRun): Promise<string | null> {
  const runId = (await readFile(project.currentRun, 'utf8').catch(() => '')).trim();
  if (runId === '') return null;
  const [{ GovernedRuns }, { connectTemporal }, { openStore }] = await Promise.all([
    import('../../client/client.js'),
    import('../app/connect.js'),
    import('../../adapters/open-store.js'),
  ]);
  const temporal = await connectTemporal(prepared.project, { start: true, log: context.output().note });
  try {
    const runs = new GovernedRuns({ client: temporal.client, taskQueue: '', store: openStore(prepared.setting) });
    return (await runs.describe(runId)).status === 'RUNNING' ? runId : null;
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'RUN_NOT_FOUND') return null;
    throw error;
  } finally {
    await temporal.close();
  }
}

function showNext(context: CommandContext, project: DemoProject): void {
  const output = context.output();
  const promptos = `${programOf(context)} -C ${shown(context, project.repository)}`;
  output.say('Next:');
  for (const [command, what] of [
    [`${promptos} run status latest`, 'what happened, gate by gate'],
    [`${promptos} apply latest --branch fix`, 'the approved patch as a commit'],
    [`${promptos} export --tree record`, 'the whole record as files'],
    [`${promptos} server stop`, 'ends the Temporal server'],
    [`${programOf(context)} init`, 'in a repository of your own'],
  ] as const) {
    output.say(`  ${command.padEnd(promptos.length + 28)} ${what}`);
  }
}

/**
 * What `promptos verify` and `promptos trace` make of the demonstration's own tree, in a few lines. The answer is "no"
 * when the tree does not verify; nothing is said of a run that has none yet.
 */
async function auditDemo(
  context: CommandContext,
  project: DemoProject,
  { setting, runId }: { readonly setting: WorkerSetting; readonly runId: string },
): Promise<void> {
  const output = context.output();
  const store = openStore(setting);
  const run = await createRunCatalogue(store).run(runId);
  if (run === null) return;
  const policy = await readPolicy(join(project.repository, '.promptos', 'policy.yaml'));
  const promptos = `${programOf(context)} -C ${shown(context, project.repository)}`;
  const { verified, outcomes, first, remarks } = await judgeTree(await openPublishedTree(store, runId), {
    policies: [policy],
  });
  output.say(`verify  ${promptos} verify latest --policy .promptos/policy.yaml`);
  output.say(
    verified
      ? `        verified: ${counted(outcomes.length, 'check')}, from the ledger's chain to the engine's seal, under the policy handed in`
      : `        NOT VERIFIED: ${first?.failure?.code} at ${printableLine(first?.failure?.path ?? 'the tree')}`,
  );
  for (const remark of remarks) output.say(`        NOTE: ${printableLine(remark)}`);

  const trace = await traceRun({
    catalogue: createRunCatalogue(store),
    run,
    artifact: { kind: 'run', found_by: 'run_id' },
    problems: [],
    verify: (one) => verifyRun(store, one, [policy]),
  });
  output.say(`trace   ${promptos} trace latest`);
  for (const line of renderTrace(trace).filter(isStep)) output.say(`        ${line}`);
  const signed = trace.decided.filter(({ signature }) => signature === 'valid').length;
  output.say(`          decided     ${counted(trace.decided.length, 'time')} by people, ${signed} of them signed`);
  output.say();
  if (!verified || trace.problems.length > 0) context.exit(1);
}

/** The five steps, without the details of each; problems are never left out. */
const isStep = (line: string): boolean => /^(?:\d |PROBLEM)/.test(line);

const EXAMPLE = fileURLToPath(new URL('../../../examples/first-governed-run', import.meta.url));
const PACK_PLACEHOLDER = '0'.repeat(64);
/** Added to the worker config where the machine has no sandbox: its agents are three small programs of ours. */
const WITHOUT_SANDBOX = `
# This machine had no sandbox when the demonstration was made (\`promptos doctor\` says what to install).
sandbox: none
`;
/** Where the example's policy wants a person's public key. */
const KEY_PLACEHOLDER = /ssh-ed25519 placeholder\/(\w+)/g;
/** The name and the signing settings of a person must not get into the demonstration's first commit. */
const COMMITTER = ['user.name=Ada', 'user.email=ada@example.org', 'commit.gpgSign=false'];

export interface DemoProject {
  readonly repository: string;
  readonly request: string;
  /** Holds the id of the run that was started last. */
  readonly currentRun: string;
  /** The throwaway keys of all persons in the demonstration; never in the user's own folder. */
  readonly keys: string;
  /** Whether this call made it. */
  readonly made: boolean;
}

/**
 * Makes a small git repository out of the example, with a policy, a worker config and three agents in `.promptos/`; or
 * finds the one that an earlier call made.
 * @throws PromptOsError FILE_EXISTS when something else is there
 */
export async function ensureDemoProject(directory: string, env: Variables): Promise<DemoProject> {
  const promptos = join(directory, '.promptos');
  const project = {
    repository: directory,
    request: join(promptos, 'request.yaml'),
    currentRun: join(promptos, 'state', 'demo-run'),
    keys: join(promptos, 'keys'),
  };
  if (existsSync(project.request)) return { ...project, made: false };
  if (existsSync(directory)) {
    throw new PromptOsError('FILE_EXISTS', `${directory} is there already and is no demonstration of ours.`, {
      hint: 'Give another folder with --directory.',
    });
  }
  // Built aside and renamed, so that a demonstration that was interrupted is not taken for a whole one.
  await removeLeftovers(dirname(directory), BUILDING);
  const building = markedPath(dirname(directory), BUILDING);
  try {
    await build(building, env);
    await rename(building, directory);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return { ...project, made: true };
}

async function build(directory: string, env: Variables): Promise<void> {
  const promptos = join(directory, '.promptos');
  await makeFolders(dirname(directory));
  await cp(join(EXAMPLE, 'project'), directory, { recursive: true });
  await makeFolders(promptos);
  await cp(join(EXAMPLE, 'agents'), join(promptos, 'agents'), { recursive: true });
  await cp(join(EXAMPLE, 'request.yaml'), join(promptos, 'request.yaml'));
  await writeFile(join(promptos, '.gitignore'), 'state/\nkeys/\n');
  const policy = await readFile(join(EXAMPLE, 'policy.yaml'), 'utf8');
  const names = [...policy.matchAll(KEY_PLACEHOLDER)].map(([, name = '']) => name);
  const keys = await writeThrowawayKeys(join(promptos, 'keys'), names);
  const { digest } = await readPromptPack(builtInPackDir());
  const keyed = policy.replaceAll(KEY_PLACEHOLDER, (_, name: string) => keys[name] ?? '');
  await writeFile(join(promptos, 'policy.yaml'), filled(keyed, PACK_PLACEHOLDER, digest));
  const worker = await readFile(join(EXAMPLE, 'worker.yaml'), 'utf8');
  const { kind } = await findSandbox({ path: env.PATH });
  const unsandboxed = kind === 'none' ? WITHOUT_SANDBOX : '';
  await writeFile(join(promptos, 'worker.yaml'), `${filled(worker, './project', '..')}${unsandboxed}`);
  const git = gitIn({ cwd: directory, env: userGitEnv(env) }, COMMITTER);
  await git.bytes(['init', '--quiet', '--initial-branch=main', '--template=']);
  await git.bytes(['add', '--all']);
  const message = `The ${basename(EXAMPLE)} example, with a failing test`;
  await git.bytes(['commit', '--quiet', '--no-verify', '--message', message]);
}

function filled(text: string, placeholder: string, value: string): string {
  if (!text.includes(placeholder)) throw new Error(`the example lacks ${placeholder}`);
  return text.replaceAll(placeholder, value);
}
