import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtInPackDir } from '../../src/config/pack-folder.js';
import { readPromptPack } from '../../src/config/prompt-pack.js';
import { PROMPTOS } from './built-package.js';

const AGENT = fileURLToPath(new URL('../fixtures/executors/hostile-agent.mjs', import.meta.url));

/** How one call of the program ended. */
export interface ProgramRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of standard output; for `--json` only. */
  readonly objects: readonly Record<string, unknown>[];
  readonly last: Record<string, unknown> | undefined;
}

export interface ProgramOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs the built program to its end, as a process of its own; it may take two minutes. */
export async function runProgram(args: readonly string[], { cwd, env }: ProgramOptions): Promise<ProgramRun> {
  const child = spawn(PROMPTOS, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const objects = args.includes('--json')
    ? stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { exitCode, stdout, stderr, objects, last: objects.at(-1) };
}

/** What a project's own files are, beside its policy and worker config. */
export const PROJECT_FILES: Readonly<Record<string, string>> = {
  'README.md': '# Split\n',
  'src/split.js': "export const split = 'wrong';\n",
  'src/moved.js': 'export const moved = 1;\n',
  'test.js':
    "if (require('node:fs').readFileSync('src/split.js', 'utf8').includes('wrong')) { console.error('still wrong'); process.exit(1); }\n",
  '.promptos/.gitignore': 'state/\n',
};

/** A policy of few words: nothing is signed, one try, no rework. */
const projectPolicy = (pack: string, parts: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  schema_version: 1,
  name: 'shop',
  principals: {
    ada: { kind: 'human' },
    grace: { kind: 'human' },
    nina: { kind: 'agent' },
    vera: { kind: 'agent' },
    rex: { kind: 'agent' },
  },
  roles: { writer: 'nina', verifier: 'vera', reviewer: 'rex', integrator: ['grace'] },
  decisions: { authentication: 'optional' },
  attestations: 'optional',
  required_gates: ['P01'],
  limits: { output_tries: 1, rework_rounds: 0 },
  checks: { tests: { argv: ['node', 'test.js'], timeout: '60s', made_of: ['test.js'] } },
  default_checks: ['tests'],
  default_scope: { allow: ['src/**'] },
  prompt_packs: [pack],
  ...parts,
});

export interface HostileSite {
  /** The top of the repository that runs work on. */
  readonly repository: string;
  readonly env: Readonly<Record<string, string>>;
  git(...args: readonly string[]): string;
  promptos(...args: readonly string[]): Promise<ProgramRun>;
  /** Runs the gates with the trick played, deciding as Grace. */
  play(trick: string, options?: readonly string[]): Promise<ProgramRun>;
  /** Ends the worker and removes everything. */
  close(): Promise<void>;
}

export interface HostileSiteOptions {
  /** Of a server that runs already. */
  readonly address: string;
  /** More policies by file name, as parts that differ. */
  readonly policies?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** More executors of the worker config. */
  readonly executors?: Readonly<Record<string, object>>;
}

/** A repository with a policy of its own and one worker, a process of its own, whose agents play tricks. */
export async function createHostileSite(options: HostileSiteOptions): Promise<HostileSite> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-hostile-'));
  const repository = join(root, 'shop');
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      encoding: 'utf8',
    }).trim();
  const { digest } = await readPromptPack(builtInPackDir());
  const policies = { 'policy.yaml': {}, ...options.policies };
  const agent = (role: string) => ({
    kind: 'command',
    argv: [process.execPath, AGENT, role],
    env: { set: { USERS_REPOSITORY: repository, COUNTERS: root } },
  });
  const workerConfig = {
    schema_version: 1,
    task_queue: `hostile-${root.slice(-6)}`,
    repositories: { shop: { path: '..' } },
    trust: { policies: Object.keys(policies) },
    executors: { nina: agent('writer'), vera: agent('verifier'), rex: agent('reviewer'), ...options.executors },
    checks: { allow: ['*'] },
    // What the engine notices of a program that can reach the user's repository.
    sandbox: 'none',
  };
  const files = {
    ...PROJECT_FILES,
    '.promptos/worker.yaml': JSON.stringify(workerConfig, null, 2),
    ...Object.fromEntries(
      Object.entries(policies).map(([name, parts]) => [
        `.promptos/${name}`,
        JSON.stringify(projectPolicy(digest, parts), null, 2),
      ]),
    ),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(repository, path)), { recursive: true });
    await writeFile(join(repository, path), text);
  }
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-qm', 'first');
  const env = { PATH: process.env.PATH ?? '', HOME: root, TEMPORAL_ADDRESS: options.address };
  const promptos = (...args: readonly string[]) => runProgram(args, { cwd: repository, env });
  const worker = spawn(PROMPTOS, ['worker'], { cwd: repository, env, stdio: 'ignore' });
  const ended = once(worker, 'close');
  return {
    repository,
    env,
    git,
    promptos,
    play: (trick, more = []) => {
      const given = ['--developer', 'ada', '--notes', `trick=${trick}`, '--decide-as', 'grace', '--json'];
      const gates = more.includes('--prompts') ? [] : ['--prompts', 'P01,P03,P05'];
      return promptos('dev', ...given, ...gates, ...more);
    },
    close: async () => {
      worker.kill('SIGTERM');
      await ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}
