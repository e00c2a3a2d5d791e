import { mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type CommandExecutorConfig, type ExecutorConfig, isStarted } from '../../contracts/config/executor-config.js';
import { type ErrorCode, messageOf, PromptOsError } from '../../contracts/errors.js';
import { own } from '../../contracts/json.js';
import { type Content, isLong, type LongBytes, releaseContent, wholeOf } from '../../contracts/long-bytes.js';
import type { ExecutorDescriptor } from '../../contracts/record/attempt.js';
import { counted } from '../../contracts/sentences.js';
import type { ExecutorCall, ExecutorOutcome, ExecutorRegistry, GateExecutor } from '../../ports/gate-executor.js';
import { workApart } from '../platform/apart.js';
import { findProgram } from '../platform/find-program.js';
import { createLauncher } from '../platform/launcher.js';
import { explainNotStarted, type FailedStart, type NotStarted } from '../platform/not-started.js';
import { type Environment, passVariables, pathsNamed } from '../platform/pass-variables.js';
import { maskAsked, maskPassedIn, maskWatched, secretVariables } from '../platform/passed-secrets.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { runProgram, runTalkative } from '../platform/run-program.js';
import { type Scratch, withScratch } from '../platform/scratch.js';
import { describeProgram, type KnownAgent, knownAgent, withAgentProgram } from './agents/known-agent.js';
import { createFillIn, namedFiles, resolveArguments } from './command-line.js';
import { resolveExecutor } from './presets/presets.js';
import { type Execution, type ReadExecution, readExecution } from './read-execution.js';

/** Of a longer standard error the head and the tail are kept. */
const MAX_STDERR_BYTES = 256 * 1_024;

export interface CommandExecutorOptions {
  /** The worker's own environment, of which only what the config names passes. */
  readonly env: Environment;
  /** Absolute folder of the worker config: programs with a slash in their name are relative to it. */
  readonly configDir: string;
  /** Absolute folder in which each execution gets fresh scratch folders. */
  readonly scratchRoot: string;
  /** What starts them, such as a launcher that the worker's checks share; a launcher of their own when absent. */
  readonly programs?: ProgramStarter | undefined;
  /** The command lines of all executors of the worker, whose programs each of them may start. */
  readonly commandLines?: readonly (readonly string[])[];
}

/** Runs a configured command line for each gate: the prompt on standard input, the answer where the config says. */
export function createCommandExecutor(
  principal: string,
  config: CommandExecutorConfig,
  options: CommandExecutorOptions,
  agent: KnownAgent | null = null,
): GateExecutor {
  const { programs = createLauncher(options.env.PATH), commandLines = [], configDir } = options;
  const { named, ...described } = describeProgram(config, agent);
  const program = basename(named);
  const descriptor: ExecutorDescriptor = {
    ...described,
    principal,
    program,
    requested_model: config.model.requested ?? null,
    served_model: null,
    sandbox: programs.kind ?? 'none',
    ...(agent === null || agent.kind === 'acp' ? {} : { agent: { name: agent.title, version: null } }),
  };
  return {
    descriptor,
    laysUnder: programs.laysUnder?.ok === true,
    execute: (call) =>
      withScratch(options.scratchRoot, programs, async (scratch) => {
        if (agent !== null && agent.kind !== 'acp' && agent.lack !== null) {
          const { code, message, hint } = agent.lack;
          throw new PromptOsError(code, message, hint === undefined ? undefined : { hint });
        }
        const fillIn = createFillIn(config, call, scratch);
        const written = resolveArguments(config.argv, configDir).map(fillIn);
        const env = executorEnvironment(config, options.env, call, scratch, fillIn);
        await writeHomeFiles(scratch.home, config.home);
        const found = await withAgentProgram(agent, written, { configDir, path: env.PATH });
        if ('missing' in found) {
          const { missing: program } = found;
          throw notStarted(principal, { code: 'ENOENT', program, directory: call.directory, path: env.PATH });
        }
        const { argv } = found;
        const version =
          agent?.kind === 'preset' ? await versionOf(agent, argv, env, { ...options, programs, call }) : null;
        const result = await runTalkative(programs, {
          argv,
          env,
          mark: `PROMPTOS_SCRATCH=${scratch.files}`,
          cwd: call.directory,
          input: call.prompt,
          timeout_ms: config.timeout,
          max_output_bytes: config.max_output_bytes,
          max_stderr_bytes: Math.min(config.max_output_bytes, MAX_STDERR_BYTES),
          scratch: scratch.root,
          outputs: options.scratchRoot,
          reach: {
            readable: [
              ...namedFiles([...argv, ...commandLines.flat()], configDir),
              ...pathsNamed(env, Object.keys(config.env.set)),
            ],
            writable: [scratch.root],
            network: config.network,
            laidUnder: call.laidUnder,
          },
          signal: call.signal,
          watch: call.watch && maskWatched(env, call.watch),
        });
        if (result.kind === 'not_started') {
          const { code } = result;
          throw notStarted(principal, { code, program: argv[0] ?? '', directory: call.directory, path: env.PATH });
        }
        const { stdout, stderr, ...end } = result;
        const execution = { config, end, files: scratch.files, env: secretVariables(env), agent, version, program };
        return outcomeOf(execution, { stdout, stderr: await wholeOf(stderr) }, options.scratchRoot, call.signal);
      }),
  };
}

const READER = new URL('../../../dist/adapters/executor/read-execution-process.js', import.meta.url);

/** What came of an execution. A long standard output is read by a process of its own. */
async function outcomeOf(
  execution: Execution,
  { stdout, stderr }: { readonly stdout: Content; readonly stderr: Uint8Array },
  folder: string,
  signal: AbortSignal,
): Promise<ExecutorOutcome> {
  try {
    const mask = maskPassedIn(execution.env, folder);
    const read = isLong(stdout)
      ? await readApart(execution, { stdout, stderr }, signal)
      : await readExecution(execution, stdout, stderr);
    return { ...read, stdout: await mask(stdout), stderr: await mask(stderr) };
  } catch (error) {
    releaseContent(stdout);
    throw error;
  }
}

/** An output that cannot be read gives no answer: to run the program again would be paid again, and may end the same way. */
async function readApart(
  execution: Execution,
  { stdout, stderr }: { readonly stdout: LongBytes; readonly stderr: Uint8Array },
  signal: AbortSignal,
): Promise<ReadExecution> {
  const work = { program: READER, input: { execution, stderr }, content: () => stdout, signal };
  try {
    return (await workApart(work)).value as ReadExecution;
  } catch (error) {
    signal.throwIfAborted();
    const { exit_code, duration_ms } = execution.end;
    const network = maskAsked(execution.env)(execution.end.network);
    const problem = `The executor printed ${counted(stdout.byteLength, 'byte')}, which could not be read: ${messageOf(error)}.`;
    return { exit_code, duration_ms, network, answer: null, problem, served_model: null };
  }
}

const versionOf = (
  { version_argv }: Extract<KnownAgent, { readonly kind: 'preset' }>,
  [program = '']: readonly string[],
  env: Readonly<Record<string, string>>,
  {
    programs,
    scratchRoot,
    call,
  }: Pick<CommandExecutorOptions, 'scratchRoot'> & { readonly programs: ProgramStarter; readonly call: ExecutorCall },
): Promise<string | null> =>
  agentVersion({ programs, argv: [program, ...version_argv], env, scratchRoot, signal: call.signal });

/** How an agent is asked for its version. */
interface VersionProbe {
  readonly programs: ProgramStarter;
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly scratchRoot: string;
  readonly signal: AbortSignal;
}

const VERSION_TIMEOUT_MS = 60_000;
const MAX_VERSION_BYTES = 64 * 1_024;
const VERSION = /\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z.+-]*[0-9A-Za-z])?/;

/** Versions by the program's path and the identity of its file: an agent that updates itself is asked again. */
const knownVersions = new Map<string, string>();

/** What an agent says its version is, asked once for each state of its program; null when it does not say. */
async function agentVersion(probe: VersionProbe): Promise<string | null> {
  const [program, ...rest] = probe.argv;
  const path = findProgram(program, probe.env.PATH);
  if (path === null) return null;
  const { ino, mtimeMs, size } = await stat(path);
  const identity = [path, await realpath(path), ino, mtimeMs, size, ...rest].join('\n');
  const before = knownVersions.get(identity);
  if (before !== undefined) return before;
  const { scratchRoot, programs } = probe;
  const version = await withScratch(scratchRoot, programs, (scratch) => askVersion(probe, [path, ...rest], scratch));
  if (version !== null) knownVersions.set(identity, version);
  return version;
}

async function askVersion(
  { programs, env, signal }: VersionProbe,
  argv: readonly string[],
  scratch: Scratch,
): Promise<string | null> {
  const result = await runProgram(programs, {
    argv,
    env: { ...env, HOME: scratch.home, PROMPTOS_SCRATCH: scratch.files },
    mark: `PROMPTOS_SCRATCH=${scratch.files}`,
    cwd: scratch.files,
    timeout_ms: VERSION_TIMEOUT_MS,
    max_output_bytes: MAX_VERSION_BYTES,
    max_stderr_bytes: MAX_VERSION_BYTES,
    scratch: scratch.root,
    reach: { readable: [], writable: [scratch.root], network: 'none' },
    signal,
  });
  if (result.kind !== 'ended' || result.ended_by !== 'itself' || result.exit_code !== 0) return null;
  return VERSION.exec(new TextDecoder().decode(result.stdout))?.[0].slice(0, 100) ?? null;
}

/** The folder is fresh and the executor has not started, so nothing in it can lead elsewhere. */
async function writeHomeFiles(home: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(home, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o600 });
  }
}

function executorEnvironment(
  config: CommandExecutorConfig,
  env: Environment,
  call: ExecutorCall,
  scratch: Scratch,
  fillIn: (text: string) => string,
): Record<string, string> {
  return {
    HOME: scratch.home,
    ...call.env,
    ...passVariables(env, config.env.allow),
    ...Object.fromEntries(Object.entries(config.env.set).map(([name, value]) => [name, fillIn(value)])),
    PROMPTOS_RUN_ID: call.run_id,
    PROMPTOS_GATE: call.gate,
    PROMPTOS_ATTEMPT: String(call.attempt),
    PROMPTOS_SCRATCH: scratch.files,
  };
}

const START_ERRORS = {
  missing_program: 'EXECUTOR_NOT_FOUND',
  refused_program: 'EXECUTOR_NOT_PERMITTED',
  surroundings: 'EXECUTOR_LOST',
} as const satisfies Record<NotStarted['fault'], ErrorCode>;

function notStarted(principal: string, failed: FailedStart): PromptOsError {
  const { fault, reason } = explainNotStarted(failed);
  return new PromptOsError(
    START_ERRORS[fault],
    `The executor of "${principal}" did not start. ${reason}`,
    fault === 'surroundings' ? { hint: 'It will be tried again.' } : undefined,
  );
}

/** The executors of a worker config, by the principal that they act for. */
export function createExecutorRegistry(
  executors: Readonly<Record<string, ExecutorConfig>>,
  options: CommandExecutorOptions,
): ExecutorRegistry {
  const programs = options.programs ?? createLauncher(options.env.PATH);
  const started = Object.entries(executors).flatMap(([principal, config]) =>
    isStarted(config)
      ? [
          {
            principal,
            config: resolveExecutor(config, programs.kind ?? 'none'),
            agent: knownAgent(config, options.env),
          },
        ]
      : [],
  );
  const commandLines = started.map(({ config }) => resolveArguments(config.argv, options.configDir));
  const shared = { ...options, programs, commandLines };
  const byPrincipal = new Map(
    started.map(({ principal, config, agent }) => [principal, createCommandExecutor(principal, config, shared, agent)]),
  );
  return {
    handOff: (principal) => {
      const config = own(executors, principal);
      return config?.kind === 'handoff' ? { claim_timeout_ms: config.claim_timeout } : null;
    },
    forPrincipal: (principal) => {
      const executor = byPrincipal.get(principal);
      if (executor !== undefined) return executor;
      const configured = [...byPrincipal.keys()].sort().join(', ') || 'none';
      throw new PromptOsError(
        'EXECUTOR_NOT_CONFIGURED',
        `This worker has no executor for the principal "${principal}"; configured: ${configured}.`,
      );
    },
  };
}
